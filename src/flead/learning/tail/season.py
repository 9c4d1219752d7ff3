"""The period of a signal, found in the signal itself, and how a value compares with its place in the period.

No clock is needed. The mean square difference of values that lie l readings apart,

    D(l) = E (x(t) - x(t - l))^2,

falls at a period (after the average magnitude difference function: Ross et al., IEEE Transactions on Acoustics,
Speech, and Signal Processing 22, 1974). Every reading improves it for every ``STRIDE``-th lag, in turn. A value that is
far from what it was one period ago is remembered as less far: yesterday's event must be no event today.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

LONGEST = 340
"""Longest lag: a day of 5-minute readings (288), a week of hours (168) or of half hours (336) and what is around it."""
SHORTEST = 12
"""A shorter period is the predictor's business."""
STRIDE = 29
"""A prime, so that all lags take turns whatever the period."""
MEMORY = np.float32(STRIDE / 2000.0)
"""Smallest weight of a new difference: D is of about the last 2,000 readings."""
RENEW = 64
"""Readings between two looks for the period."""
SAMPLES = 8
"""Differences that D of a lag is known by."""
DEPTH = np.float32(0.4)
"""At a period, D is below so much of the largest D at shorter lags. That of a signal that wanders only rises."""
BETTER = np.float32(0.9)
"""A multiple of a period has to be so much better than the period."""
CLEARLY = np.float32(0.6)
"""... and another period so much better than the one that was found before."""
NEARER = np.float32(0.9)
"""... and one next to it so much better."""
OUTLIER = 6.0
"""No difference counts for more than so many spreads."""
FARTHEST = 2.0
"""A value is remembered within so many usual differences of what it was one period ago."""
LARGEST = 1e18
"""What is remembered is within it, so that its square fits a single-precision number."""

PHASES = 24
"""Parts of a period that have a usual distance of their own: nights are calmer than days."""
CALMEST = np.float32(0.25)
"""The smallest one, in usual differences."""
PERIODS = 5.0
"""Periods that it is an average of."""

# The numbers of a season.
PAST = 0  # a ring of the last LONGEST values
DIFFERENCES = LONGEST  # D, at lag - 1
USUAL = 2 * LONGEST  # how far from the season readings usually are, by phase
SIZE_OF_SEASON = 2 * LONGEST + PHASES

_S3 = types.float32[:, :, ::1]


@njit(types.float32(_S3, types.uintp, types.uintp, types.int64), cache=True, nogil=True, inline="always")
def around(seasons: NDArray[np.float32], row: int | np.uintp, channel: int | np.uintp, lag: int) -> np.float32:
    """D of a lag and its neighbours."""
    at = DIFFERENCES + lag - 1
    total = seasons[row, channel, at - 1] + seasons[row, channel, at] + seasons[row, channel, at + 1]
    return np.float32(total * np.float32(1.0 / 3.0))


@njit(types.int64(_S3, types.uintp, types.uintp, types.int64, types.int64), cache=True, nogil=True)
def settled(seasons: NDArray[np.float32], row: int | np.uintp, channel: int | np.uintp, lag: int, stop: int) -> int:
    """The lag near one, below ``stop``, where D is least: the vertex of the parabola that fits it best there.

    By orthogonal polynomials, since single D are noisy; the lag itself where the vertex is not better.
    """
    for _ in range(3):
        width = min(max(lag // 24, 1), stop - 1 - lag)
        if width < 1:
            break
        mean = width * (width + 1) / 3.0
        slope, bend, squares, fourths = 0.0, 0.0, 0.0, 0.0
        for k in range(-width, width + 1):
            difference = float(seasons[row, channel, DIFFERENCES + lag + k - 1])
            slope += k * difference
            bend += (k * k - mean) * difference
            squares += k * k
            fourths += (k * k - mean) ** 2
        if bend <= 0.0:
            break
        vertex = lag + round(min(max(-0.5 * slope / squares * fourths / bend, -width), width))
        if vertex == lag or around(seasons, row, channel, vertex) >= around(seasons, row, channel, lag):
            break
        lag = vertex
    return lag


@njit(types.int64(_S3, types.uintp, types.uintp, types.int64, types.int64), cache=True, nogil=True)
def find_period(
    seasons: NDArray[np.float32], row: int | np.uintp, channel: int | np.uintp, seen: int, period: int
) -> int:
    """The lag at which D falls deepest below what it was at shorter ones; 0 where it does not fall so deep.

    Lags are looked at when they have passed twice. ``period``, what was found before, is kept unless another lag is
    clearly better, or a lag near it is better at all.
    """
    highest, best, found, kept = np.float32(0.0), DEPTH, 0, np.float32(1.0)
    stop = min(LONGEST, seen // 2, seen - SAMPLES * STRIDE)
    for lag in range(2, stop):
        now = around(seasons, row, channel, lag)
        if lag >= SHORTEST and now < best * highest:
            best, found = BETTER * now / highest, lag
        if lag == period and highest > 0.0:
            kept = now / highest
        highest = max(highest, now)
    if period > 0 and kept < DEPTH and best > CLEARLY * kept:
        nearer = settled(seasons, row, channel, period, stop)
        near = around(seasons, row, channel, nearer) < NEARER * around(seasons, row, channel, period)
        return nearer if near else period
    return settled(seasons, row, channel, found, stop) if found > 0 else 0


@njit(types.float64(_S3, types.uintp, types.uintp, types.int64, types.int64), cache=True, nogil=True, inline="always")
def expected(
    seasons: NDArray[np.float32], row: int | np.uintp, channel: int | np.uintp, seen: int, period: int
) -> float:
    """What is remembered of one period before reading number ``seen``."""
    return float(seasons[row, channel, PAST + (seen - period) % LONGEST])


@njit(types.void(_S3, types.uintp, types.uintp, types.int64), cache=True, nogil=True)
def begin(seasons: NDArray[np.float32], row: int | np.uintp, channel: int | np.uintp, period: int) -> None:
    """Take a period as new."""
    for phase in range(PHASES):
        usual = np.float32(math.sqrt(seasons[row, channel, DIFFERENCES + period - 1]))
        seasons[row, channel, USUAL + phase] = usual


@njit(
    types.float64(_S3, types.uintp, types.uintp, types.int64, types.int64, types.float64, types.float64),
    cache=True,
    nogil=True,
    inline="always",
)
def compare(
    seasons: NDArray[np.float32],
    row: int | np.uintp,
    channel: int | np.uintp,
    seen: int,
    period: int,
    apart: float,
    floor: float,
) -> float:
    """How far from its season a signal is, in what is usual at this phase; which is then learnt."""
    at = USUAL + seen % period * PHASES // period
    least = CALMEST * np.float32(math.sqrt(seasons[row, channel, DIFFERENCES + period - 1]))
    usual = max(float(max(seasons[row, channel, at], least)), floor)
    distance = abs(apart)
    weight = min(PHASES / (PERIODS * period), 1.0)
    seasons[row, channel, at] += np.float32(weight * (min(distance, FARTHEST * usual) - seasons[row, channel, at]))
    return distance / usual


@njit(
    types.void(_S3, types.uintp, types.uintp, types.float64, types.int64, types.int64, types.float64),
    cache=True,
    nogil=True,
)
def remember(
    seasons: NDArray[np.float32],
    row: int | np.uintp,
    channel: int | np.uintp,
    value: float,
    seen: int,
    period: int,
    spread: float,
) -> None:
    """Take in reading number ``seen``."""
    slot = seen % LONGEST
    now = np.float32(min(max(value, -LARGEST), LARGEST))
    most = np.float32(min(OUTLIER * spread, LARGEST))
    for lag in range(1 + seen % STRIDE, min(seen, LONGEST) + 1, STRIDE):
        place = slot - lag if slot >= lag else slot - lag + LONGEST
        difference = min(abs(now - seasons[row, channel, PAST + place]), most)
        at = DIFFERENCES + lag - 1
        share = max(np.float32(1.0) / np.float32(1 + (seen - lag) // STRIDE), MEMORY)
        seasons[row, channel, at] += share * (difference * difference - seasons[row, channel, at])
    if period > 0:
        before = seasons[row, channel, PAST + (seen - period) % LONGEST]
        room = np.float32(FARTHEST * math.sqrt(seasons[row, channel, DIFFERENCES + period - 1]))
        now = before + min(max(now - before, -room), room)
    seasons[row, channel, PAST + slot] = now
