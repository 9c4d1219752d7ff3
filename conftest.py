"""What pytest collects where only the embedded pipeline is installed: not the doctests of what needs the platform."""

import importlib.util

NEEDS_KAFKA = [
    "src/flead/bus/dead_letters.py",
    "src/flead/bus/outbox.py",
    "src/flead/bus/service.py",
    "src/flead/bus/topics.py",
    "src/flead/platform/aggregator/service.py",
    "src/flead/platform/producer.py",
    "src/flead/platform/analytics/run.py",
    "src/flead/platform/analytics/task.py",
    "src/flead/platform/evaluation/service.py",
    "src/flead/platform/evaluation/task.py",
    "src/flead/platform/analytics/service.py",
    "src/flead/platform/evaluation/global_models.py",
    "src/flead/platform/spark/session.py",
    "src/flead/platform/collector/service.py",
    "src/flead/platform/training/service.py",
]

# PyFlink warns of itself where it is imported, and a warning is an error in tests.
NEEDS_FLINK = ["src/flead/platform/training/job.py", "src/flead/platform/training/submit.py"]

collect_ignore = NEEDS_FLINK + ([] if importlib.util.find_spec("confluent_kafka") else NEEDS_KAFKA)
