"""How a service is: it can work, or something keeps it from working."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """What a service says of itself."""

    trouble: str | None = None
    """Why it cannot work at the moment; None: it can."""

    @property
    def is_good(self) -> bool:
        """Whether the service can work."""
        return self.trouble is None


HEALTHY = Health()
STARTING = Health("starting")


def waiting_for(what: str, reason: str = "") -> Health:
    """Something that the service needs does not answer.

    >>> waiting_for("Kafka", "no broker answers").trouble
    'waiting for Kafka: no broker answers'
    """
    return Health(f"waiting for {what}: {reason}" if reason else f"waiting for {what}")
