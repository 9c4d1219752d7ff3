"""How a device's first readings, and what its peers know, become the state that it judges by.

From n rows of a channel, with the peers' medians (g of variances, D of drifts, W of wanders) where there are peers:

    m = mean,    s^2 = (n var + PRIOR g) / (n + PRIOR),    z = (x - m) / s,    M = EWMA of z
    wander = var(M),    drift = mean((M(t + lag) - M(t))^2) / 2
    v = max(W if n < MATURE, else wander; D) (1 + 31 / n)

The last factor is the error of m itself: a mean of n rows of a signal whose means of 31 rows vary by v. A channel with
D > DRIFTS_BY_NATURE drifts by nature.

The moments (``autoregression``) are of z - mu, mu = 0 for channels that do not drift by nature. The peers' count PRIOR
times.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.drift.autoregression import SMALLEST, autoregression, moments, unpack
from flead.learning.drift.cholesky import decompose, solve
from flead.learning.drift.judge import (
    BLOCK,
    CUT,
    DRIFTING,
    DRIFTS,
    ENERGY,
    ERROR,
    LEVEL,
    MEAN,
    PER_SCALE,
    PER_SPREAD,
    PLACE,
    REFERENCE,
    ROOM,
    SCALE,
    SMOOTHING,
    SPREAD,
    Z,
    follow,
    judge,
)
from flead.learning.kinds import LEVELS

PRIOR = 100.0
"""How many rows the peers' word counts as."""
MATURE = 200
"""From so many own rows on a device knows for itself how its levels wander."""
LAG = 200
"""Rows over which a drift is looked for; half of the rows if they are fewer."""
DRIFTS_BY_NATURE = 0.5
FLOOR = 1e-6
"""Smallest scale, relative to max(1, |mean|): a constant channel that jumps is still judged."""


_F1, _F2, _F3, _I8 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1], types.int64[::1]
_IN = types.Array(types.float64, 1, "C", readonly=True)


@njit(types.UniTuple(types.float64, 2)(_F2, types.intp, types.intp), cache=True, nogil=True)
def mean_and_variance(values: NDArray[np.float64], count: int, column: int) -> tuple[float, float]:
    """Of the known values of a column, in its first ``count`` rows; NaN if there is none."""
    known, shift, total, squares = 0, 0.0, 0.0, 0.0
    for t in range(count):
        if not math.isnan(values[t, column]):
            if known == 0:
                shift = values[t, column]
            known += 1
            total += values[t, column] - shift
    if known == 0:
        return math.nan, math.nan
    mean = shift + total / known
    for t in range(count):
        if not math.isnan(values[t, column]):
            squares += (values[t, column] - mean) ** 2
    return mean, squares / known


@njit(types.UniTuple(types.float64, 2)(_F1, types.intp), cache=True, nogil=True)
def wander_and_drift(levels: NDArray[np.float64], count: int) -> tuple[float, float]:
    """The variance of the first ``count`` levels, and half of the mean square of how far they get within a lag."""
    total = 0.0
    for t in range(count):
        total += levels[t]
    mean, squares, moved, lag = total / count, 0.0, 0.0, min(LAG, count // 2)
    for t in range(count):
        squares += (levels[t] - mean) ** 2
        if t >= lag:
            moved += (levels[t] - levels[t - lag]) ** 2
    return squares / count, 0.5 * moved / (count - lag)


@njit(types.void(_F2, types.intp, types.intp, _F2, types.intp), cache=True, nogil=True)
def settle(values: NDArray[np.float64], column: int, count: int, z: NDArray[np.float64], k: int) -> None:
    """Replace the z of a channel that drifts by nature, z[:, k] (T, c), by z - mu, as readings will be judged by."""
    reference, now = 0.0, 0.0
    for t in range(count):
        if not math.isnan(values[t, column]):
            now = z[t, k] - reference
            reference += DRIFTING * now
        z[t, k] = now


@njit(
    types.void(
        types.uintp, _F2, types.intp, _I8, _IN,
        _F3, _F2, _F3, _F3, _F1,
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def fit(
    row: int | np.uintp,
    values: NDArray[np.float64],
    count: int,
    used: NDArray[np.int64],
    prior: NDArray[np.float64],
    channels: NDArray[np.float64],
    last: NDArray[np.float64],
    weights: NDArray[np.float64],
    precision: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Make the state of the device in ``row`` from the first ``count`` rows of ``values`` (T, C), and begin anew.

    ``used`` (c,) are the channels that it knows, in their kind's order, of which the first are modelled: as many as
    V = ``last.shape[1] - 1``. ``prior`` is what the peers know, laid out as ``kinds.layout_of`` says, empty without
    peers. ``out`` gets the device's own statistics, laid out likewise, but for the scores.
    """
    known, size = len(used), min(len(used), last.shape[1] - 1)
    z, levels = np.zeros((count, size)), np.zeros(count)
    with_peers = len(prior) > 0
    for j in range(channels.shape[1]):
        channels[row, j, SCALE] = 0.0
        channels[row, j, PLACE] = 0.0
    out[0] = count
    for k in range(known):
        j = used[k]
        mean, variance = mean_and_variance(values, count, j)
        if math.isnan(mean):
            continue
        scale = (
            math.sqrt((count * variance + PRIOR * prior[1 + k]) / (count + PRIOR))
            if with_peers
            else math.sqrt(variance)
        )
        scale = max(scale, FLOOR * max(1.0, abs(mean)))
        level, now = 0.0, 0.0
        for t in range(count):
            if not math.isnan(values[t, j]):
                now = min(max((values[t, j] - mean) / scale, -CUT), CUT)
                level += SMOOTHING * (now - level)
            levels[t] = level
            if k < size:
                z[t, k] = now
        wander, drift = wander_and_drift(levels, count)
        out[1 + k], out[1 + known + k], out[1 + 2 * known + k] = variance, wander, drift
        if with_peers:
            drift = prior[1 + 2 * known + k]
            if count < MATURE:
                wander = prior[1 + known + k]
        spread = max(max(wander, drift) * (1.0 + (2.0 / SMOOTHING) / count), SMALLEST)
        channels[row, j, MEAN] = mean
        channels[row, j, SCALE] = scale
        channels[row, j, SPREAD] = math.sqrt(spread)
        channels[row, j, PER_SCALE], channels[row, j, PER_SPREAD] = 1.0 / scale, 1.0 / math.sqrt(spread)
        channels[row, j, DRIFTS] = 1.0 if drift > DRIFTS_BY_NATURE else 0.0
        channels[row, j, PLACE] = k + 1 if k < size else 0
        channels[row, j, LEVEL] = 0.0
        channels[row, j, REFERENCE] = 0.0
        channels[row, j, ENERGY] = 1.0

        if drift > DRIFTS_BY_NATURE and k < size:
            settle(values, j, count, z, k)

    first = 1 + 3 * known
    own = out[first : first + size * (size + 1) + size * (size + 2)]
    moments(z, count, own)
    a, b, c = np.zeros((size + 1, size + 1)), np.zeros((size + 1, size)), np.zeros((size, size))
    w, r, inverse = np.zeros((size + 1, size)), np.zeros((size, size)), np.eye(size)
    unpack(own, float(count - 1), a, b, c)
    if with_peers:
        unpack(prior[first : first + len(own)], PRIOR, a, b, c)
    if not autoregression(a, b, c, w, r):  # the peers' moments are of no data
        a[:], b[:], c[:] = 0.0, 0.0, 0.0
        unpack(own, float(count - 1), a, b, c)
        autoregression(a, b, c, w, r)
    for k in range(size):
        channels[row, used[k], ERROR] = math.sqrt(r[k, k])
    if decompose(r):
        solve(r, inverse)
    last[row, 0] = 1.0
    for k in range(size):
        last[row, 1 + k] = 0.0
        weights[row, 0, k] = w[size, k]
        for other in range(size):
            weights[row, 1 + other, k] = w[other, k]
            precision[row, k, other] = inverse[k, other]


@njit(
    types.void(types.uintp, types.intp, _F2, types.intp, _F3, _F2, _F3, _F3, _F1),
    cache=True,
    nogil=True,
)
def replay(
    row: int | np.uintp,
    size: int,
    values: NDArray[np.float64],
    count: int,
    channels: NDArray[np.float64],
    last: NDArray[np.float64],
    weights: NDArray[np.float64],
    precision: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> None:
    """Take the first ``count`` training rows into a state that was just made; ``scores`` (T,) gets their scores."""
    scratch = np.zeros((ROOM, values.shape[1] + BLOCK))
    for t in range(count):
        _, _, scores[t], _, _, _ = judge(row, size, t, values, channels, last, weights, precision, scratch)
        for j in range(values.shape[1]):
            if not math.isnan(scratch[Z, j]):
                follow(row, j, channels, scratch[Z, j], 0.0)


@njit(types.void(_F1, types.intp, types.intp, _F1), cache=True, nogil=True)
def sketch(scores: NDArray[np.float64], start: int, stop: int, out: NDArray[np.float64]) -> None:
    """The quantiles of ``scores[start:stop]`` at (i + 1/2) / LEVELS, linear between the order statistics."""
    ordered = np.sort(scores[start:stop])
    for i in range(LEVELS):
        place = (i + 0.5) / LEVELS * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        out[i] = ordered[below] + (place - below) * (ordered[above] - ordered[below])
