"""Which agents the platform believes."""

from typing import Literal

from pydantic import Field

from flead.settings.section import Section


class TrustSettings(Section):
    """Which agents the platform believes."""

    enrolment: Literal["first-use", "closed"] = Field(
        "first-use",
        description="first-use: trust the first key seen with an agent's name; closed: only agents that were added"
        " with flead agents enroll.",
    )
    signed_only: bool = Field(False, description="Refuse updates and alarms that are not signed by an agent.")
    device_updates: float = Field(
        10.0, gt=0, description="Updates a second that each device of an agent may send; in a burst, 100 times as many."
    )
