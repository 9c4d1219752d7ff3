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

LONGEST = 336
"""Longest lag: a day of 5-minute readings (288), a week of hours (168) or of half hours (336) and what is around it."""
SHORTEST = 12
"""A shorter period is the predictor's business."""
STRIDE = 29
"""A prime, so that all lags take turns whatever the period."""
MEMORY = np.float32(STRIDE / 2000.0)
"""Smallest weight of a new difference: D is of about the last 2,000 readings."""
RENEW = 64
"""Readings between two looks for the period."""
SOONEST = 224
"""Readings before the first."""
DEPTH = np.float32(0.4)
"""At a period, D is below so much of the largest D at shorter lags. That of a signal that wanders only rises."""
BETTER = np.float32(0.9)
"""A multiple of a period has to be so much better than the period."""
CLEARLY = np.float32(0.6)
"""... and another period so much better than the one that was found before."""
OUTLIER = 6.0
"""No difference counts for more than so many spreads."""
FARTHEST = 2.0
"""A value is remembered within so many usual differences of what it was one period ago."""
LARGEST = 1e18
"""What is remembered is within it, so that its square fits a single-precision number."""

PAST, DIFFERENCES, SIZE_OF_SEASON = 0, LONGEST, 2 * LONGEST
"""Where a season's numbers lie: a ring of the past, and D by lag - 1."""

_S3 = types.float32[:, :, ::1]


@njit(types.int64(_S3, types.uintp, types.uintp, types.int64, types.int64), cache=True, nogil=True)
def find_period(
    seasons: NDArray[np.float32], row: int | np.uintp, channel: int | np.uintp, seen: int, period: int
) -> int:
    """The lag at which D falls deepest below what it was at shorter ones; 0 where it does not fall so deep.

    ``period``, what was found before, is kept unless another lag is clearly better.
    """
    if seen < SOONEST:
        return 0
    highest, best, found, kept = np.float32(0.0), DEPTH, 0, np.float32(1.0)
    third = np.float32(1.0 / 3.0)
    for lag in range(2, LONGEST):
        at = DIFFERENCES + lag - 1
        around = third * (seasons[row, channel, at - 1] + seasons[row, channel, at] + seasons[row, channel, at + 1])
        if lag >= SHORTEST and around < best * highest:
            best, found = BETTER * around / highest, lag
        if lag == period and highest > 0.0:
            kept = around / highest
        highest = max(highest, around)
    return period if kept < DEPTH and best > CLEARLY * kept else found


@njit(types.float64(_S3, types.uintp, types.uintp, types.int64, types.int64), cache=True, nogil=True, inline="always")
def expected(
    seasons: NDArray[np.float32], row: int | np.uintp, channel: int | np.uintp, seen: int, period: int
) -> float:
    """What is remembered of one period before reading number ``seen``."""
    return float(seasons[row, channel, PAST + (seen - period) % LONGEST])


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
