"""What befalls whole devices of a simulated fleet that lives as real ones do: none of it is a sensor's fault.

A gateway serves a hundred devices. While it is down there are no readings of theirs; while it is maintained its devices
read nonsense, and whether that is a fault is not labelled. One device in a thousand is slow, one has a clock that is
wrong. All of it is a function of the seed, the device and the time.
"""

from flead.ingest.chance import draw, uniform
from flead.learning.kernels import UInt64, kernel

GATEWAY = 100
"""Devices of a gateway."""

DAY = 86_400
OUTAGE_EVERY = 5 * DAY
"""Seconds in which each gateway fails once."""
SHORTEST_OUTAGE, LONGEST_OUTAGE = 300, 1_200
"""Seconds."""

MAINTAINED_EVERY = 8
"""Every eighth gateway, from the second on, is maintained at the same time of each day."""
MAINTENANCE_START, MAINTENANCE_END = 2 * 3_600, 2 * 3_600 + 1_800
"""Seconds of the day, UTC."""

MAINTENANCE_NOISE = 6.0
"""The size of the noise burst that a device's first channel has meanwhile."""

ONE_IN = 1_000
SLOW, SLOW_TICKS = 333, 60
"""Of a thousand devices this one reads at every sixtieth tick only."""
WRONG_CLOCK, CLOCK_AHEAD = 666, 2 * 3_600_000
"""Of a thousand devices this one has a clock that is ahead by as many milliseconds."""


@kernel(inline="always")
def is_absent(seed_key: UInt64, device: int, tick: int, seconds: int) -> bool:
    """Whether a device has no reading at this tick, ``seconds`` after the epoch."""
    if device % ONE_IN == SLOW and tick % SLOW_TICKS:
        return True
    period = seconds // OUTAGE_EVERY
    key = draw(draw(seed_key, -1 - device // GATEWAY), period)
    duration = SHORTEST_OUTAGE + int(uniform(key) * (LONGEST_OUTAGE - SHORTEST_OUTAGE))
    start = period * OUTAGE_EVERY + int(uniform(draw(key, 1)) * (OUTAGE_EVERY - duration))
    return start <= seconds < start + duration


@kernel(inline="always")
def is_maintained(device: int, seconds: int) -> bool:
    """Whether the device's gateway is maintained at this time, ``seconds`` after the epoch."""
    time_of_day = seconds % DAY
    return device // GATEWAY % MAINTAINED_EVERY == 1 and MAINTENANCE_START <= time_of_day < MAINTENANCE_END


@kernel(inline="always")
def milliseconds_ahead(device: int) -> int:
    """How far the device's clock is ahead of the true time."""
    return CLOCK_AHEAD if device % ONE_IN == WRONG_CLOCK else 0
