"""Faults of simulated sensors: six kinds, each for a while, and labelled as long as it lasts.

A device's time is cut into segments; each has at most one fault, which a random number for the segment decides.
Sizes are in multiples of what the channel shows when healthy (``sensors.Channel.shown``).
"""

import numpy as np
from numba import njit, types

from flead.ingest.chance import Count, draw, uniform
from flead.settings.readings import Faults

NONE = 0
SPIKE = 1
"""One channel jumps far away for a moment."""
LEVEL_SHIFT = 2
"""One channel reads too much or too little by the same amount."""
DRIFT = 3
"""One channel moves away steadily."""
STUCK = 4
"""The sensor repeats what it read when the fault began."""
NOISE_BURST = 5
"""One channel is noisier."""
DROPOUT = 6
"""The sensor is dead and reads 0: the reading is there, since a count that holds is worth more than a gap."""

SEGMENT = 600
"""Ticks."""
DENSE = 0.2
"""The probability that a segment has a fault: with the durations below, 1.9 % of readings are in one."""
A_DAY = 86_400_000
"""Milliseconds in which a device of the fleet with rare faults has about one."""

#                        none  spike  shift  drift  stuck  burst  dropout
SHORTEST = np.array([0, 1, 30, 60, 30, 20, 10])
LONGEST = np.array([0, 3, 120, 180, 120, 60, 60])
SMALLEST = np.array([0, 8.0, 5.0, 8.0, 0, 4.0, 0])
LARGEST = np.array([0, 20.0, 12.0, 20.0, 0, 8.0, 0])


def probability(faults: Faults, interval: int) -> float:
    """That a segment of ticks ``interval`` milliseconds apart has a fault."""
    return {"dense": DENSE, "rare": min(1.0, SEGMENT * interval / A_DAY), "none": 0.0}[faults]


FAULT = types.Tuple((types.int64, types.int64, types.float64, types.float64))


@njit(FAULT(types.uint64, types.int64, types.float64), cache=True, nogil=True)
def find_fault(key: np.uint64, tick: Count, probability: float) -> tuple[Count, Count, float, float]:
    """What ails the device of this key at this tick: the kind, since when, its size, and 0 to 1 to choose a channel.

    The size has a sign, but of a noise burst; that of a drift grows. ``probability`` is that of a segment's fault.
    """
    segment = tick // SEGMENT
    bits = draw(key, segment)
    if uniform(bits) >= probability:
        return NONE, tick, 0.0, 0.0
    bits = draw(bits, 1)
    kind = np.int64(1 + bits % np.uint64(6))
    duration = SHORTEST[kind] + np.int64(uniform(draw(bits, 1)) * (LONGEST[kind] - SHORTEST[kind] + 1))
    start = segment * SEGMENT + np.int64(uniform(draw(bits, 2)) * (SEGMENT - duration + 1))
    if not start <= tick < start + duration:
        return NONE, tick, 0.0, 0.0
    size = SMALLEST[kind] + uniform(draw(bits, 3)) * (LARGEST[kind] - SMALLEST[kind])
    if kind == DRIFT:
        size *= (tick - start + 1) / duration
    if kind != NOISE_BURST and draw(bits, 4) & np.uint64(1):
        size = -size
    return kind, start, size, uniform(draw(bits, 5))
