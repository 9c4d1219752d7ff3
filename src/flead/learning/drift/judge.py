"""What the drift learner says of a reading, and the state that it says it by.

A channel's z = (x - mean) / scale, cut off at +-CUT, so that one broken value is soon forgotten. Two things are
watched:

- its *level* M, the mean of about the last 30 z (EWMA), against its reference mu: d = (M - mu) / sqrt(v), where v is
  how much M wanders when all is well (drift-aware mean);
- its *energy*, how badly the channels' last z - mu foretell the next: e' R^-1 e / channels, smoothed likewise, where e
  is the error of a vector autoregression of order 1 and R its covariance. It is about 1 when all is well.

The score is sqrt(max |d| sqrt(energy)). The reference of a channel that drifts by nature follows at DRIFTING; that of
any other follows at STILL, but not during an alarm.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

ANCHOR, MEAN, SCALE, SPREAD, PER_SCALE, PER_SPREAD, DRIFTS, PLACE, ERROR, LEVEL, REFERENCE, ENERGY = range(12)
"""The numbers of a channel: what its stored rows are relative to; mean and scale (0: not known) of z; sqrt(v); one over
these two, since a division takes as long as five products; 1 if it drifts by nature; its place in the autoregression,
from 1 (0: not in it), and its error's std there; and what changes with every reading: M, mu and its part of the
energy."""
NUMBERS = 12

SMOOTHING = 2.0 / 31.0
"""Of the EWMAs: as much memory as a window of 30."""
DRIFTING, STILL = 1.0 / 50.0, 1.0 / 2000.0
CUT = 10.0
"""z are cut off here: enough for an alarm, forgotten within a hundred readings."""
FORETOLD, ERRORS, WEIGHTED, Z, ROOM = range(5)
"""The rows of the scratch."""

HIT = 2.0
"""An error of at most so many of its std counts as foretold: 95 % of them do where errors are Gaussian."""

BLOCK = 4
"""Sums that are made at a time: as many as an instruction adds."""

_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]


def padded(count: int) -> int:
    """The next multiple of ``BLOCK``, which rows of matrices are as long as."""
    return -(-count // BLOCK) * BLOCK


@njit(
    types.void(_F3, types.uintp, types.uintp, _F2, types.uintp, _F2, types.uintp),
    cache=True,
    nogil=True,
    error_model="numpy",
    inline="always",
)
def multiply(
    matrices: NDArray[np.float64],
    row: int | np.uintp,
    count: int | np.uintp,
    vectors: NDArray[np.float64],
    which: int | np.uintp,
    out: NDArray[np.float64],
    to: int | np.uintp,
) -> None:
    """out[to] (P,) = vectors[which, :count] @ matrices[row, :count] (., P), P padded.

    What is summed stays in registers: the compiler cannot know that ``out`` is not what is read.
    """
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    for a in range(np.uintp(0), np.uintp(matrices.shape[2]), np.uintp(BLOCK)):
        first = second = third = fourth = 0.0
        for b in range(count):
            number = vectors[which, b]
            first += matrices[row, b, a] * number
            second += matrices[row, b, a + one] * number
            third += matrices[row, b, a + two] * number
            fourth += matrices[row, b, a + three] * number
        out[to, a], out[to, a + one], out[to, a + two], out[to, a + three] = first, second, third, fourth


@njit(
    types.Tuple((types.int64, types.float64, types.float64, types.float64, types.int64, types.int64))(
        types.uintp, types.intp, types.intp, _F2, _F3, _F2, _F3, _F3, _F2
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def judge(
    row: int | np.uintp,
    size: int,
    i: int,
    values: NDArray[np.float64],
    channels: NDArray[np.float64],
    last: NDArray[np.float64],
    weights: NDArray[np.float64],
    precision: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> tuple[int, float, float, float, int, int]:
    """Take reading i of ``values`` (N, C) into the state of the device in ``row``, and judge it.

    Shapes: channels (D, C, NUMBERS); of the ``size`` channels in the autoregression, up to V: last (D, 1 + V) a 1 and
    their last z - mu, weights (D, 1 + V, P) the constants and the weights of each one's last, precision (D, V, P) R^-1,
    with V padded to P. ``scratch`` (ROOM, C padded) has the reading's z afterwards, NaN where it is not known.

    Returns the channel that deviates most (-1 if nothing of the reading is known), its d, the score, the energy of this
    reading alone, and how many of how many values were foretold.
    """
    multiply(weights, row, np.uintp(1 + size), last, row, scratch, np.uintp(FORETOLD))
    for a in range(size):
        scratch[ERRORS, a] = 0.0
    channel, largest, deviation, foretold, counted = -1, -1.0, 0.0, 0, 0
    for j in range(values.shape[1]):
        value = values[i, j]
        scratch[Z, j] = np.nan
        if math.isnan(value) or channels[row, j, SCALE] == 0.0:
            continue
        z = min(max((value - channels[row, j, MEAN]) * channels[row, j, PER_SCALE], -CUT), CUT)
        scratch[Z, j] = z
        level = channels[row, j, LEVEL] + SMOOTHING * (z - channels[row, j, LEVEL])
        channels[row, j, LEVEL] = level
        d = (level - channels[row, j, REFERENCE]) * channels[row, j, PER_SPREAD]
        larger = abs(d) > largest  # no branch: nobody could predict it
        channel, deviation = j if larger else channel, d if larger else deviation
        largest = max(largest, abs(d))
        place = int(channels[row, j, PLACE])
        if place > 0:
            a = place - 1
            settled = z - channels[row, j, REFERENCE]
            error = settled - scratch[FORETOLD, a]
            scratch[ERRORS, a] = error
            last[row, place] = settled
            foretold += abs(error) <= HIT * channels[row, j, ERROR]
            counted += 1
    multiply(precision, row, np.uintp(size), scratch, np.uintp(ERRORS), scratch, np.uintp(WEIGHTED))
    energy, now = 0.0, 0.0
    for j in range(values.shape[1]):
        place = int(channels[row, j, PLACE])
        if place == 0 or math.isnan(values[i, j]):
            continue
        a = place - 1
        part = scratch[ERRORS, a] * scratch[WEIGHTED, a]
        now += part
        channels[row, j, ENERGY] += SMOOTHING * (part - channels[row, j, ENERGY])
        energy += channels[row, j, ENERGY]
    score = abs(deviation)
    if counted > 0:
        # Of some of the channels the parts of the quadratic form may add up to less than nothing.
        score *= math.sqrt(max(energy, 0.0) / counted)
        now = max(now, 0.0) / counted
    return channel, deviation, math.sqrt(score), now, foretold, counted


@njit(
    types.void(types.uintp, types.intp, _F3, types.float64, types.float64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def follow(row: int | np.uintp, j: int, channels: NDArray[np.float64], z: float, still: float) -> None:
    """Let the reference of channel j follow its z just judged; at the rate ``still`` if it does not drift by nature."""
    rate = DRIFTING if channels[row, j, DRIFTS] > 0.0 else still
    channels[row, j, REFERENCE] += rate * (z - channels[row, j, REFERENCE])
