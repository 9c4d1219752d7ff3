"""What pytest collects where only the embedded pipeline is installed: not the doctests of what needs the platform."""

import importlib.util

NEEDS_KAFKA = [
    "src/flead/bus/dead_letters.py",
    "src/flead/bus/outbox.py",
    "src/flead/bus/service.py",
    "src/flead/bus/topics.py",
    "src/flead/federation/aggregator.py",
    "src/flead/ingest/producer.py",
    "src/flead/spark/analytics.py",
    "src/flead/spark/analytics_task.py",
    "src/flead/spark/evaluation.py",
    "src/flead/spark/evaluation_task.py",
    "src/flead/spark/hourly.py",
    "src/flead/spark/models.py",
    "src/flead/spark/session.py",
    "src/flead/storage/collector.py",
    "src/flead/training/service.py",
]

# PyFlink warns of itself where it is imported, and a warning is an error in tests.
NEEDS_FLINK = ["src/flead/training/flink_job.py", "src/flead/training/submit.py"]

collect_ignore = NEEDS_FLINK + ([] if importlib.util.find_spec("confluent_kafka") else NEEDS_KAFKA)
