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

ANCHOR, MEAN, SCALE, SPREAD, DRIFTS, PLACE, ERROR, LEVEL, REFERENCE, ENERGY = range(10)
"""The numbers of a channel: what its stored rows are relative to; mean and scale (0: not known) of z; sqrt(v); 1 if it
drifts by nature; its place in the autoregression, from 1 (0: not in it), and its error's std there; and what changes
with every reading: M, mu and its part of the energy."""
NUMBERS = 10

SMOOTHING = 2.0 / 31.0
"""Of the EWMAs: as much memory as a window of 30."""
DRIFTING, STILL = 1.0 / 50.0, 1.0 / 2000.0
CUT = 10.0
"""z are cut off here: enough for an alarm, forgotten within a hundred readings."""
FORETOLD, ERRORS, WEIGHTED, Z, ROOM = range(5)
"""The rows of the scratch."""

HIT = 2.0
"""An error of at most so many of its std counts as foretold: 95 % of them do where errors are Gaussian."""

_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]


@njit(
    types.Tuple((types.int64, types.float64, types.float64, types.float64, types.int64, types.int64))(
        types.uintp, types.intp, types.intp, _F2, _F3, _F2, _F3, _F3, _F2
    ),
    cache=True,
    nogil=True,
    inline="always",
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

    Shapes: channels (D, C, NUMBERS); of the ``size`` channels in the autoregression, up to V: last (D, V) their last
    z - mu, weights (D, 1 + V, V) the constants, then the weights of each one's last; precision (D, V, V) R^-1.
    ``scratch`` (ROOM, C) has the reading's z afterwards, row by row with channels, NaN where it is not known.

    Returns the channel that deviates most (-1 if nothing of the reading is known), its d, the score, the energy of this
    reading alone, and how many of how many values were foretold.
    """
    # What foretells is the outer loop: the inner ones add arrays and not numbers, for which there are instructions.
    for a in range(size):
        scratch[FORETOLD, a] = weights[row, 0, a]
        scratch[ERRORS, a] = scratch[WEIGHTED, a] = 0.0
    for b in range(size):
        before = last[row, b]
        for a in range(size):
            scratch[FORETOLD, a] += weights[row, 1 + b, a] * before
    channel, deviation, foretold, counted = -1, 0.0, 0, 0
    for j in range(values.shape[1]):
        value = values[i, j]
        scratch[Z, j] = np.nan
        if math.isnan(value) or channels[row, j, SCALE] == 0.0:
            continue
        z = min(max((value - channels[row, j, MEAN]) / channels[row, j, SCALE], -CUT), CUT)
        scratch[Z, j] = z
        level = channels[row, j, LEVEL] + SMOOTHING * (z - channels[row, j, LEVEL])
        channels[row, j, LEVEL] = level
        d = (level - channels[row, j, REFERENCE]) / channels[row, j, SPREAD]
        if channel < 0 or abs(d) > abs(deviation):
            channel, deviation = j, d
        place = int(channels[row, j, PLACE])
        if place > 0:
            a = place - 1
            settled = z - channels[row, j, REFERENCE]
            error = settled - scratch[FORETOLD, a]
            scratch[ERRORS, a] = error
            last[row, a] = settled
            foretold += abs(error) <= HIT * channels[row, j, ERROR]
            counted += 1
    for b in range(size):
        error = scratch[ERRORS, b]
        for a in range(size):
            scratch[WEIGHTED, a] += precision[row, b, a] * error
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
    types.void(types.uintp, types.intp, _F3, _F2, types.float64),
    cache=True,
    nogil=True,
    inline="always",
)
def follow(
    row: int | np.uintp, width: int, channels: NDArray[np.float64], scratch: NDArray[np.float64], still: float
) -> None:
    """Let the references follow a reading just judged: drifting channels', and the others' at the rate ``still``."""
    for j in range(width):
        z = scratch[Z, j]
        if math.isnan(z):
            continue
        rate = DRIFTING if channels[row, j, DRIFTS] > 0.0 else still
        channels[row, j, REFERENCE] += rate * (z - channels[row, j, REFERENCE])
