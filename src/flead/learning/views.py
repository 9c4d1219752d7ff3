"""Cheap causal views of one signal: numbers that stay small while it goes on as it did.

- ``difference``: |x(t) - x(t-1)|, in units of its own usual size where it is not 0;
- ``range``: how far x is outside the range so far, which shrinks slowly towards the level;
- ``variance``: how far the log-variance of the last differences is from its mean: a signal that gets restless, or calm;
- ``prediction``: the residual of a one-step prediction (see prediction.py), in the differences' units;
- ``level``: |x - level|, the level an average over about 1,000 readings;
- ``season``: |x - what it was at its place in the period|, the difference averaged over a few readings, since a season
  that stays away is not far from it at once; 0 without a period (see season.py);
- ``stillness``: how many readings ago it last changed.

All have no unit, so that they mean the same at 1e-3 and at 1e9. What the level, the spread and the usual size learn
from one reading is bounded (Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35,
1964): an outlier must not hide the next.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.prediction import SIZE_OF_FILTER, residual
from flead.learning.season import RENEW, expected, find_period, remember

VIEWS = ("difference", "range", "variance", "prediction", "level", "season", "stillness")

LEAST = (0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 1.0)
"""The smallest mean excess of every view that is believed (see tails.py)."""

(
    COUNT,
    LAST,
    LEVEL,
    SPREAD,
    HIGH,
    LOW,
    STEP,
    BUSY,
    MEAN_BUSY,
    RUN,
    ENDED,
    CHANGES,
    PERIOD,
    SEASONED,
    APART,
    ANCHOR,
    FILTER,
) = range(17)
"""Where a signal's numbers lie: readings, the last one, level and mean square deviation from it, the range, the mean
square of the differences, of those that are not 0 over long, of all over the last few, the mean logarithm of the
latter, readings without a change now and before the last change, the number of changes, the period (0: none), the
readings since it was found and how far from it the last ones were, the first reading, and the predictor."""
SIZE_OF_VIEWS = FILTER + SIZE_OF_FILTER

SLOW = 1000.0
"""Readings that level, spread and usual size are averages of."""
QUICK = 1.0 / 16.0
"""Weight of the newest in the variance of the last differences."""
BRIEF = 1.0 / 8.0
"""Weight of the newest in how far the last readings are from the season."""
RANGE_MEMORY = 20_000.0
"""Readings in which the range shrinks to about a third."""
ROOM = 4.0
"""What is learnt from one reading is bounded at so many spreads."""
FREE = 10
"""The first readings, and the first changes, teach without bounds: there is no spread yet."""
LEAST_SPREAD = 0.5
"""Smallest spread, in usual changes: of a signal that stands still most of the time."""
LARGEST = 1e3
"""No view is larger: all that is needed is known by then."""
PREDICTED = 20.0
"""The predictor sees values within so many spreads: one outlier must not ruin its weights."""
FLOOR = 1e-9
"""Smallest spread, relative to max(1, |level|)."""
CALM = 1e-4
"""A variance of differences this much below the usual is as good as none."""

_S3 = types.float64[:, :, ::1]


@njit(
    types.void(_S3, types.float32[:, :, ::1], types.uintp, types.uintp, types.float64, types.float64[::1]),
    cache=True,
    nogil=True,
)
def look(
    signals: NDArray[np.float64],
    seasons: NDArray[np.float32],
    row: int | np.uintp,
    channel: int | np.uintp,
    value: float,
    views: NDArray[np.float64],
) -> None:
    """Write the views of a value to ``views``, shape (V,), and learn it. The value is at most 1e100."""
    seen = int(signals[row, channel, COUNT])
    if seen == 0:
        signals[row, channel, LAST] = signals[row, channel, LEVEL] = value
        signals[row, channel, HIGH] = signals[row, channel, LOW] = signals[row, channel, ANCHOR] = value
    weight = 1.0 / min(seen + 1.0, SLOW)
    level = signals[row, channel, LEVEL]
    floor = FLOOR * max(1.0, abs(level))
    deviation = value - level
    step = value - signals[row, channel, LAST]
    usual = signals[row, channel, STEP]
    size = max(math.sqrt(usual), floor)
    spread = max(math.sqrt(signals[row, channel, SPREAD]), LEAST_SPREAD * size)
    high, low = signals[row, channel, HIGH], signals[row, channel, LOW]

    views[0] = min(abs(step) / size, LARGEST)
    views[1] = min(max(value - high, low - value, 0.0) / spread, LARGEST)

    energy = step * step
    if signals[row, channel, CHANGES] > FREE:
        energy = min(energy, ROOM * ROOM * size * size)
    if step != 0.0:
        signals[row, channel, STEP] = usual + (energy - usual) / min(signals[row, channel, CHANGES] + 1.0, SLOW)
    busy = signals[row, channel, BUSY]
    busy += max(QUICK, weight) * (energy - busy)
    signals[row, channel, BUSY] = busy
    logarithm = math.log(busy + CALM * usual + floor * floor)
    mean = signals[row, channel, MEAN_BUSY]
    signals[row, channel, MEAN_BUSY] = mean + weight * (logarithm - mean)
    views[2] = abs(logarithm - mean)

    z = min(max(deviation / spread, -PREDICTED), PREDICTED)
    views[3] = min(abs(residual(signals, row, channel, FILTER, z, seen)) * (spread / size), LARGEST)
    views[4] = min(abs(deviation) / spread, LARGEST)

    period = int(signals[row, channel, PERIOD])
    place = value - signals[row, channel, ANCHOR]
    views[5] = 0.0
    if period > 0:
        apart = min(max((place - expected(seasons, row, channel, seen, period)) / spread, -LARGEST), LARGEST)
        signals[row, channel, APART] += BRIEF * (apart - signals[row, channel, APART])
        views[5] = abs(signals[row, channel, APART])
    remember(seasons, row, channel, place, seen, period, spread)
    signals[row, channel, SEASONED] += 1.0
    if seen % RENEW == 0:
        found = find_period(seasons, row, channel, seen, period)
        if found != period:
            signals[row, channel, PERIOD] = found
            signals[row, channel, SEASONED] = 0.0

    if step == 0.0 and seen > 0:
        signals[row, channel, RUN] += 1.0
        views[6] = min(signals[row, channel, RUN], LARGEST)
    else:
        signals[row, channel, CHANGES] += 1.0
        signals[row, channel, ENDED] = signals[row, channel, RUN]
        signals[row, channel, RUN] = views[6] = 0.0

    signals[row, channel, HIGH] = value if value > high else high + (level - high) / RANGE_MEMORY
    signals[row, channel, LOW] = value if value < low else low + (level - low) / RANGE_MEMORY
    if seen > FREE:
        deviation = min(max(deviation, -ROOM * spread), ROOM * spread)
    signals[row, channel, LEVEL] = level + weight * deviation
    signals[row, channel, SPREAD] += weight * (deviation * deviation - signals[row, channel, SPREAD])
    signals[row, channel, LAST] = value
    signals[row, channel, COUNT] = seen + 1
