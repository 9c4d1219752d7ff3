"""Ten kinds of sensors as numbers: what the simulated fleet is made of.

A channel's healthy value, of a device at a time, is

    base (1 + spread u) + slope t + cycle sin(2 pi (t / period + phase)) + drift d(t) + noise (shared g + rest e)

rounded to the sensor's resolution and held within its range; u is the device's own constant, d its slow drift (both
-1 to 1), g and e are normal, g and d the same for all channels of the device: that, and the common cycle,
correlates them. rest = sqrt(1 - shared^2), so that noise is the standard deviation.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAY = 86_400.0
HOUR = 3600.0


@dataclass(frozen=True)
class Channel:
    """One measured quantity. Amounts are in the channel's unit, times in seconds."""

    base: float
    spread: float
    """How much devices differ, as a part of the base."""
    cycle: float
    drift: float
    noise: float
    shared: float
    """The noise's correlation with the device's common noise, -1 to 1."""
    per_unit: float
    """One over the resolution."""
    low: float
    high: float
    slope: float = 0.0
    product: float = 0.0
    """Not 0: instead of the base, this many times the product of the two channels before."""
    shown: float = 0.0
    """How much the channel moves within a minute, which faults are measured in; 0: its noise."""


@dataclass(frozen=True)
class Kind:
    """A sensor, or several in one housing."""

    period: float
    channels: dict[str, Channel]


#                     base  spread  cycle  drift  noise  shared  1/resolution  low, high
KINDS = (
    Kind(DAY, {"temperature": Channel(21.0, 0.10, 2.5, 0.6, 0.05, 0.0, 100, -40, 125)}),  # degrees C
    Kind(
        DAY,
        {
            "temperature": Channel(18.0, 0.15, 4.0, 1.0, 0.06, 0.5, 100, -40, 125),  # degrees C
            "humidity": Channel(55.0, 0.15, -12.0, -4.0, 0.30, -0.5, 10, 0, 100),  # %
        },
    ),
    Kind(DAY / 2, {"pressure": Channel(1013.0, 0.01, 0.8, 6.0, 0.05, 0.0, 100, 300, 1100)}),  # hPa
    Kind(
        HOUR / 4,
        {
            "vibration_x": Channel(2.2, 0.30, 0.10, 0.15, 0.08, 0.8, 1000, 0, 50),  # mm/s
            "vibration_y": Channel(1.8, 0.30, 0.08, 0.12, 0.07, 0.8, 1000, 0, 50),
            "vibration_z": Channel(3.1, 0.30, 0.14, 0.20, 0.11, 0.7, 1000, 0, 50),
        },
    ),
    Kind(
        DAY,
        {
            "flow": Channel(32.0, 0.25, 6.0, 2.0, 0.35, 0.6, 100, 0, 500),  # l/min
            "line_pressure": Channel(4.2, 0.10, -0.4, -0.15, 0.02, -0.6, 1000, 0, 16),  # bar
        },
    ),
    Kind(6 * HOUR, {"level": Channel(55.0, 0.20, 18.0, 4.0, 0.30, 0.0, 100, 0, 100)}),  # % of a tank
    Kind(
        DAY,
        {
            "voltage": Channel(230.0, 0.01, -1.5, -1.0, 0.25, -0.4, 100, 0, 500),  # V
            "current": Channel(12.0, 0.40, 3.0, 1.0, 0.15, 0.8, 1000, 0, 100),  # A
            "power": Channel(0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 10, 0, 50_000, product=0.93, shown=32.0),  # W
        },
    ),
    Kind(DAY, {"co2": Channel(640.0, 0.20, 180.0, 60.0, 5.0, 0.0, 1, 0, 10_000)}),  # ppm
    Kind(DAY, {"light": Channel(420.0, 0.30, 260.0, 30.0, 6.0, 0.0, 10, 0, 100_000)}),  # lux
    Kind(DAY, {"pieces": Channel(1000.0, 0.0, 400.0, 40.0, 0.0, 0.0, 1, 0, 1e15, slope=0.5, shown=15.0)}),  # counted
)

NAMES = tuple(tuple(kind.channels) for kind in KINDS)
WIDTH = max(map(len, NAMES))

BASE, SPREAD, SLOPE, CYCLE, DRIFT, COMMON, OWN, PRODUCT, SHOWN, PER_UNIT, LOW, HIGH = range(12)


def parameters() -> NDArray[np.float64]:
    """(K, WIDTH, 12): what kernels need of every channel, at the indices above."""
    table = np.zeros((len(KINDS), WIDTH, 12))
    for number, kind in enumerate(KINDS):
        table[number, : len(kind.channels)] = [_numbers(channel) for channel in kind.channels.values()]
    return table


def _numbers(channel: Channel) -> list[float]:
    common = channel.noise * channel.shared
    own = channel.noise * math.sqrt(1 - channel.shared**2)
    moving = [channel.base, channel.spread, channel.slope, channel.cycle, channel.drift, common, own, channel.product]
    return [*moving, channel.shown or channel.noise, channel.per_unit, channel.low, channel.high]
