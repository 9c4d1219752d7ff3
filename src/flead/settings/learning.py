"""What a device runs: the learner, its thresholds, and when it trains."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from flead.settings.section import Section


class LearningSettings(Section):
    """What a device runs: the learner, its thresholds, and when it trains."""

    learner: str = Field("zscore", description="The learner that every device runs.")
    window: int = Field(100, ge=2, le=10_000, description="A new reading is judged by this many readings before it.")
    min_readings: int = Field(10, ge=2, description="Readings in the window before scoring starts.")
    threshold: float = Field(2.5, gt=0, description="|z| above which a reading is an anomaly (warning).")
    critical: float = Field(5.0, gt=0, description="|z| above which an anomaly is critical.")
    train_readings: int = Field(50, ge=1, description="A device trains once this many readings are pending.")
    train_seconds: int = Field(
        60, ge=1, le=86_400, description="Seconds of event time after which it trains on fewer readings."
    )
    learning_rate: float = Field(0.001, gt=0, description="Step size of the stochastic gradient descent.")
    features: Literal["scaled", "raw"] = Field(
        "scaled", description="The model's inputs: bounded, or mean, std and z as published."
    )
    supervised: bool = Field(
        False, description="Let devices learn from ground-truth labels where the readings have them."
    )
    mix: float = Field(
        1.0, ge=0, le=1, description="Weight of the global model in the weights that a training starts from."
    )
    training_rows: int = Field(
        400, ge=30, le=100_000, description="drift: a device's first readings, from which it learns what is normal."
    )
    alarm_quantile: float = Field(
        0.9, gt=0, lt=1, description="drift: the share of normal scores below its threshold; higher: fewer alarms."
    )
    alarms_per_day: float = Field(
        1.0, gt=0, description="tail: about how many alarms a day a device may raise while nothing is wrong."
    )
    readings_per_day: float | None = Field(
        None, gt=0, description="tail: how many readings a day a device makes; unset: estimated from their times."
    )

    @field_validator("min_readings")
    @classmethod
    def _scoring_starts(cls, min_readings: int, info: ValidationInfo) -> int:
        window = info.data.get("window", min_readings)
        if min_readings > window:
            raise ValueError(f"more than window = {window} holds: scoring would never start")
        return min_readings
