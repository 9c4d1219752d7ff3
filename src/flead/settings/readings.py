"""Which readings come in, and how fast."""

from typing import Literal

from pydantic import Field

from flead.settings.recognition import RecognitionSettings
from flead.settings.section import SPEED

Faults = Literal["rare", "dense", "none"]


class ReadingsSettings(RecognitionSettings):
    """Which readings come in, and how fast."""

    data: str = Field("sim", description="Where readings come from: sim, csv:PATH, edge-iiotset:PATH or skab:DIR.")
    devices: int = Field(2407, ge=1, description="Devices of the simulated fleet, or to split Edge-IIoTset into.")
    readings: int | None = Field(
        None, ge=1, description="Stop after this many readings; unset: at the end of the source."
    )
    speed: str = Field(
        "1", pattern=SPEED, description="Event time per real time: 1 is live, 60 is a minute a second; or max."
    )
    seed: int = Field(0, ge=0, description="Seed of the simulated fleet: same seed, same readings.")
    faults: Faults = Field(
        "dense",
        description="Faults of the simulated fleet: dense (1.9 % of the readings), rare (about one a device and day; "
        "gateways fail as well) or none.",
    )
    channel: str | None = Field(
        None, description="The one channel to read (csv, edge-iiotset); unset: all, or the source's default."
    )
