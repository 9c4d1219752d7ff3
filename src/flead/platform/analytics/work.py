"""What a run tells its tasks in Spark's workers, and what they answer."""

from dataclasses import dataclass

from flead.settings import Settings

NAME = "analytics"
RESULT = "topic string, messages long"
"""A task's answer, as Spark's SQL describes a row."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a task is told."""

    settings: Settings
    topics: dict[str, str]
    """Kafka's own identifiers of the topics."""
