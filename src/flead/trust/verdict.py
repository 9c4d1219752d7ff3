"""What the register says of a message: it is believed, it is refused, or it may still be believed in a moment."""

import time
from dataclasses import dataclass
from enum import StrEnum

ENROLMENT_SECONDS = 5.0
"""After its arrival on Kafka a message waits this long for its agent's enrolment, which comes by another topic."""


class Refusal(StrEnum):
    """Why a signed message, or one that should be signed, is not believed; dead letters carry the text."""

    UNSIGNED = "not signed, though only signed messages are taken"
    UNSIGNED_DEVICE = "not signed, though the device belongs to an agent"
    HALF_SIGNED = "its signature's headers are not complete"
    UNKNOWN = "signed by an agent that is not enrolled"
    REVOKED = "signed by an agent that is revoked"
    WRONG = "wrongly signed"
    FOREIGN = "signed by an agent that the device does not belong to"
    FREQUENT = "more updates of the device than it may send"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the register says of a message at the moment."""

    refusal: Refusal | None = None
    """None: the message is believed."""
    is_final: bool = True
    """False: its agent or its device is not enrolled yet, and an enrolment under way may change the verdict."""


BELIEVED = Verdict()


def has_just_arrived(arrived: int, seconds: float) -> bool:
    """Whether a message that Kafka took at ``arrived`` (milliseconds since the epoch) may wait for an enrolment."""
    return abs(time.time() - arrived / 1000) < seconds
