"""Cheap causal views of one signal: numbers that stay small while it goes on as it did.

- ``difference``: |x(t) - x(t-1)|, in units of its own usual size where it is not 0; in a signal with a period less
  the one of a period ago, if it is less then: what repeats is no surprise;
- ``range``: how far x is outside the range so far, which shrinks slowly towards the level;
- ``variance``: how far the log-variance of the last differences is from its mean: a signal that gets restless, or calm;
- ``prediction``: the residual of a one-step prediction (see prediction.py), in the differences' units;
- ``level``: |x - level|, the level an average over about 1,000 readings;
- ``season``: |x - what it was at its place in the period|, the difference averaged over a few readings, since a season
  that stays away is not far from it at once, in what is usual at this phase; 0 without a period (see season.py);
- ``stillness``: how many readings ago it last changed;
- ``rhythm``: how far the logarithm of the readings between the last few crossings of its level is from its mean: a
  signal that swings faster, or slower.

All have no unit, so that they mean the same at 1e-3 and at 1e9. What the level, the spread and the usual size learn
from one reading is bounded (Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35,
1964): an outlier must not hide the next.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.tail.counting import FELL, RAW, RISES, ROSE, SIZE_OF_COUNTER, count
from flead.learning.tail.prediction import SIZE_OF_FILTER, residual
from flead.learning.tail.season import RENEW, begin, compare, expected, find_period, remember

VIEWS = ("difference", "range", "variance", "prediction", "level", "season", "stillness", "rhythm")

LEAST = (0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 1.0, 0.05)
"""The smallest mean excess of every view that is believed (see tails.py)."""

# The numbers of a signal's views, at the beginning of its record (SIZE_OF_SIGNAL in evidence.py).
COUNT = 0  # readings
LAST = 1  # the last one
LEVEL = 2  # the level
SPREAD = 3  # the mean square deviation from it
HIGH = 4  # the upper end of the range
LOW = 5  # the lower end
STEP = 6  # the mean square of the differences that are not 0, over long
BUSY = 7  # the mean square of all differences, over the last few
MEAN_BUSY = 8  # the mean of its logarithm
RUN = 9  # readings without a change, now
ENDED = 10  # the same before the last change
CHANGES = 11  # the number of changes
PERIOD = 12  # the period in readings; 0: none
SEASONED = 13  # readings since it was found
APART = 14  # how far from the season the last readings were, signed
ANCHOR = 15  # the first reading
SIDE = 16  # the side of the level that the signal is on: 1, -1, or 0 while not known
SINCE = 17  # readings since it last crossed the level
CROSSINGS = 18  # the number of crossings
RHYTHM = 19  # the mean logarithm of the readings between the last few crossings
MEAN_RHYTHM = 20  # the same of all crossings
COUNTER = 21  # whether it is a counter: see counting.py. The predictor follows, see prediction.py
FILTER = COUNTER + SIZE_OF_COUNTER
SIZE_OF_VIEWS = FILTER + SIZE_OF_FILTER

SLOW = 1000.0
"""Readings that level, spread and usual size are averages of."""
QUICK = 1.0 / 16.0
"""Weight of the newest in the variance of the last differences."""
BRIEF = 1.0 / 8.0
"""Weight of the newest in how far the last readings are from the season."""
CROSSED = 0.5
"""A signal has crossed its level when it is so many spreads beyond it: its noise does not swing."""
FEW = 0.25
"""Weight of the newest in the rhythm of the last crossings."""
MANY = 200.0
"""Crossings that the mean rhythm is an average of."""
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
FARTHEST_APART = 1e18
"""No distance from the season is larger, so that its square fits a single-precision number."""
PREDICTED = 20.0
"""The predictor sees values within so many spreads: one outlier must not ruin its weights."""
FLOOR = 1e-9
"""Smallest spread, relative to max(1, |level|)."""
CALM = 1e-4
"""A variance of differences this much below the usual is as good as none."""

_S3 = types.float64[:, :, ::1]


@njit(
    types.UniTuple(types.float64, 2)(_S3, types.float32[:, :, ::1], types.uintp, types.uintp, types.float64),
    cache=True,
    nogil=True,
)
def rate(
    signals: NDArray[np.float64],
    seasons: NDArray[np.float32],
    row: int | np.uintp,
    channel: int | np.uintp,
    value: float,
) -> tuple[float, float]:
    """What of a reading is looked at, and what it counts from: of a counter, how much it rose since the one before."""
    before = signals[row, channel, COUNTER + RAW]
    if count(signals, row, channel, COUNTER, value, signals[row, channel, COUNT] == 0.0):
        rose, fell = signals[row, channel, COUNTER + ROSE], signals[row, channel, COUNTER + FELL]
        signals[row, channel, :] = 0.0
        seasons[row, channel, :] = np.float32(0.0)
        signals[row, channel, COUNTER + ROSE], signals[row, channel, COUNTER + FELL] = rose, fell
    signals[row, channel, COUNTER + RAW] = value
    if signals[row, channel, COUNTER + ROSE] < RISES:
        return value, 0.0
    return (value - before if value >= before else signals[row, channel, LEVEL]), before


@njit(types.float64(_S3, types.uintp, types.uintp), cache=True, nogil=True)
def rhythm(signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp) -> float:
    """Take in that a signal has crossed its level; how far its rhythm is from its mean."""
    crossings = signals[row, channel, CROSSINGS] + 1.0
    signals[row, channel, CROSSINGS] = crossings
    lasted = math.log(signals[row, channel, SINCE])
    quick = signals[row, channel, RHYTHM]
    quick += max(FEW, 1.0 / crossings) * (lasted - quick)
    mean = signals[row, channel, MEAN_RHYTHM]
    signals[row, channel, RHYTHM] = quick
    signals[row, channel, MEAN_RHYTHM] = mean + (quick - mean) / min(crossings, MANY)
    return abs(float(quick - mean))


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

    period = int(signals[row, channel, PERIOD])
    place, before, surprise = value - signals[row, channel, ANCHOR], 0.0, step
    if period > 0:
        before = expected(seasons, row, channel, seen, period)
        again = step - (before - expected(seasons, row, channel, seen - 1, period))
        surprise = again if abs(again) < abs(step) else step

    views[0] = min(abs(surprise) / size, LARGEST)
    views[1] = min(max(value - high, low - value, 0.0) / spread, LARGEST)

    energy = surprise * surprise
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
    error = abs(residual(signals, row, channel, FILTER, z, seen)) * (spread / size)
    if period > 0:
        error = min(error, views[0])
    views[3] = min(error, LARGEST)
    views[4] = min(abs(deviation) / spread, LARGEST)

    views[5] = 0.0
    if period > 0:
        most = min(LARGEST * spread, FARTHEST_APART)
        apart = min(max(place - before, -most), most)
        signals[row, channel, APART] += BRIEF * (apart - signals[row, channel, APART])
        views[5] = min(compare(seasons, row, channel, seen, period, signals[row, channel, APART], floor), LARGEST)
    remember(seasons, row, channel, place, seen, period, spread)
    signals[row, channel, SEASONED] += 1.0
    if seen % RENEW == 0:
        found = find_period(seasons, row, channel, seen, period)
        if found != period:
            signals[row, channel, PERIOD] = found
            signals[row, channel, SEASONED] = signals[row, channel, APART] = 0.0
            if found > 0:
                begin(seasons, row, channel, found)

    if step == 0.0 and seen > 0:
        signals[row, channel, RUN] += 1.0
        views[6] = min(signals[row, channel, RUN], LARGEST)
    else:
        signals[row, channel, CHANGES] += 1.0
        signals[row, channel, ENDED] = signals[row, channel, RUN]
        signals[row, channel, RUN] = views[6] = 0.0

    views[7] = -1.0
    signals[row, channel, SINCE] += 1.0
    side = signals[row, channel, SIDE]
    if abs(deviation) > CROSSED * spread and deviation * side <= 0.0:
        signals[row, channel, SIDE] = 1.0 if deviation > 0.0 else -1.0
        if side != 0.0:
            views[7] = rhythm(signals, row, channel)
        signals[row, channel, SINCE] = 0.0

    signals[row, channel, HIGH] = value if value > high else high + (level - high) / RANGE_MEMORY
    signals[row, channel, LOW] = value if value < low else low + (level - low) / RANGE_MEMORY
    if seen > FREE:
        deviation = min(max(deviation, -ROOM * spread), ROOM * spread)
    signals[row, channel, LEVEL] = level + weight * deviation
    signals[row, channel, SPREAD] += weight * (deviation * deviation - signals[row, channel, SPREAD])
    signals[row, channel, LAST] = value
    signals[row, channel, COUNT] = seen + 1
