"""What the service tells a task in Spark's worker, and what the task answers."""

from dataclasses import dataclass

from flead.platform.evaluation.global_models import Covered
from flead.settings import Settings

RESULT = "partition int, readings long, first long, last long, done boolean, note string"
"""A task's answer, as Spark's SQL describes a row."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a task is told."""

    settings: Settings
    topic: str
    """Kafka's own identifier of the topic of readings."""
    covered: Covered
