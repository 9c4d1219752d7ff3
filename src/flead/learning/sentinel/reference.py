"""Views against a fixed reference: how far a signal is from what it was, over 8, 16, 64 and 50 readings.

The reference, mean m and variance v, learns with a weight that falls as 1/n for the first 300 readings and half as fast
later, down to 1/4,000: it forgets no fault that lasts, and follows what ages. While the device is restless it learns
a twentieth of that. With z = (x - m) / sqrt(v):

- ``short``, ``medium``, ``long mean``: |M| / rms(M), M a moving mean of z over about 8, 16 and 64 readings;
- ``local value``, ``local mean``: how far x, and a mean of its last four, is from a mean of the last 50;
- ``energy``: by how much the logarithm of the mean square of the last 16 errors of the prediction exceeds its mean.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.sentinel.record import (
    ENERGY,
    HEAT,
    LOCAL,
    LOCAL_MEAN,
    MEAN,
    MEAN_HEAT,
    MEANS,
    NEAR,
    NEAR_SQUARE,
    SEEN,
    SHORT,
    SMOOTH,
    SMOOTH_SQUARE,
    VARIANCE,
    WANDERS,
)
from flead.learning.tail.views import FLOOR, LARGEST, STEP

CUT = 10.0
"""z and errors are cut off here."""
YOUNG = 300.0
SLOWEST = 4000.0
AGEING = 2.0
BEGUN = 30.0
"""Readings that teach a reference without bounds."""
ROOM = 4.0
"""A reading teaches as if it were within so many standard deviations."""
SPREADS = 3.0
"""... and a moving mean within so many of its own."""
USUAL_STEP = 0.3
"""Smallest standard deviation, in usual steps."""
LONG_SLOW = 1000.0
PACES = (1.0 / 8.0, 1.0 / 16.0, 1.0 / 64.0)
NEW = 1.0 / 16.0
NEARBY, BRIEF = 1.0 / 50.0, 0.25
SILENT = 1e-3
"""A mean square error this small is as good as none."""

_S3 = types.float64[:, :, ::1]
_AT = (_S3, types.uintp, types.uintp)


@njit(types.float64(types.float64, types.float64), cache=True, nogil=True, inline="always")
def weight_of(seen: float, gate: float) -> float:
    """What the newest reading counts for in a reference that has ``seen`` others, times ``gate``."""
    age = seen + 1.0 if seen < YOUNG else YOUNG + AGEING * (seen - YOUNG)
    return gate / min(age, SLOWEST)


@njit(types.float64(*_AT, types.float64), cache=True, nogil=True, inline="always")
def spread_of(signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, centre: float) -> float:
    """The reference's standard deviation."""
    step = USUAL_STEP * math.sqrt(signals[row, channel, STEP])
    return max(math.sqrt(signals[row, channel, VARIANCE]), step, FLOOR * max(1.0, abs(centre)))


@njit(types.float64(*_AT, types.float64), cache=True, nogil=True)
def standing(signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, value: float) -> float:
    """Z of a value, by the reference without it; 0 for the first two."""
    if signals[row, channel, SEEN] <= 1.0:
        return 0.0
    centre = signals[row, channel, MEAN]
    return float(min(max((value - centre) / spread_of(signals, row, channel, centre), -CUT), CUT))


@njit(
    types.void(*_AT, *[types.float64] * 4, types.float64[::1]), cache=True, nogil=True, error_model="numpy"
)  # fmt: skip
def refer(
    signals: NDArray[np.float64],
    row: int | np.uintp,
    channel: int | np.uintp,
    value: float,
    z: float,
    error: float,
    gate: float,
    looks: NDArray[np.float64],
) -> None:
    """Write the views of a value with this z and error to ``looks`` (K,), and learn it; after ``views.look``."""
    seen = signals[row, channel, SEEN]
    if seen == 0.0:
        signals[row, channel, MEAN] = signals[row, channel, NEAR] = signals[row, channel, SMOOTH] = value
    begun = seen > BEGUN
    weight = weight_of(seen, gate if begun else 1.0)
    long = 1.0 / min(seen + 1.0, LONG_SLOW)

    centre = signals[row, channel, MEAN]
    deviation = value - centre
    spread = spread_of(signals, row, channel, centre)
    if begun:
        deviation = min(max(deviation, -ROOM * spread), ROOM * spread)
    signals[row, channel, MEAN] = centre + weight * deviation
    signals[row, channel, VARIANCE] += weight * (deviation * deviation - signals[row, channel, VARIANCE])
    signals[row, channel, SEEN] = seen + 1.0

    for k in range(len(PACES)):
        pace = PACES[k]
        mean = signals[row, channel, MEANS + k]
        mean += max(pace, 1.0 / (seen + 1.0)) * (z - mean)
        signals[row, channel, MEANS + k] = mean
        usual = signals[row, channel, WANDERS + k]
        looks[SHORT + k] = abs(mean) / math.sqrt(usual + 0.02 * pace)
        square = mean * mean
        if begun:
            square = min(square, SPREADS * SPREADS * (usual + 0.1 * pace))
        signals[row, channel, WANDERS + k] = usual + weight * (square - usual)

    floor = max(USUAL_STEP * math.sqrt(signals[row, channel, STEP]), FLOOR * max(1.0, abs(centre)))
    near = signals[row, channel, NEAR]
    apart, size = value - near, max(math.sqrt(signals[row, channel, NEAR_SQUARE]), floor)
    looks[LOCAL] = min(abs(apart) / size, LARGEST)
    smooth = signals[row, channel, SMOOTH] + BRIEF * (value - signals[row, channel, SMOOTH])
    signals[row, channel, SMOOTH] = smooth
    off, usual = smooth - near, max(math.sqrt(signals[row, channel, SMOOTH_SQUARE]), 0.1 * size)
    looks[LOCAL_MEAN] = min(abs(off) / usual, LARGEST)
    if begun:
        apart = min(max(apart, -SPREADS * size), SPREADS * size)
        off = min(abs(off), SPREADS * usual)
    signals[row, channel, NEAR] = near + max(NEARBY, 1.0 / (seen + 1.0)) * apart
    signals[row, channel, NEAR_SQUARE] += long * (apart * apart - signals[row, channel, NEAR_SQUARE])
    signals[row, channel, SMOOTH_SQUARE] += long * (off * off - signals[row, channel, SMOOTH_SQUARE])

    heat = signals[row, channel, HEAT]
    heat += max(NEW, 1.0 / (seen + 1.0)) * (error * error - heat)
    signals[row, channel, HEAT] = heat
    logarithm = math.log(heat + SILENT)
    looks[ENERGY] = max(logarithm - signals[row, channel, MEAN_HEAT], 0.0)
    signals[row, channel, MEAN_HEAT] += gate / min(seen + 1.0, 2000.0) * (logarithm - signals[row, channel, MEAN_HEAT])
