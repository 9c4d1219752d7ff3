"""The numbers that learners go by, with the defaults of the published system."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rules:
    """What a device's learning depends on beside its readings."""

    window: int = 100
    """Readings of a device that a new one is judged by."""
    min_readings: int = 10
    """Readings in the window before scoring starts."""
    threshold: float = 2.5
    """|z| above which a reading is an anomaly."""
    critical: float = 5.0
    """|z| above which an anomaly is critical."""
    learning_rate: float = 0.001
    features: Literal["scaled", "raw"] = "scaled"
    supervised: bool = False
    """Learn from ground truth where a reading has it, instead of from |z| > threshold."""
    mix: float = 1.0
    """How much of the newest global model a training starts from."""
    training_rows: int = 400
    """A device's first readings, which say what is normal (drift)."""
    alarm_quantile: float = 0.9
    """The share of normal scores that lie below the threshold (drift)."""
    alarm_every: float = 1440.0
    """Readings of a device in which it may raise about one alarm, where nobody says otherwise (tail)."""
    proximal: float = 0.0
    """FedProx's mu: how strongly a training is held to the model that it began with (see strategies/fedprox.py)."""
