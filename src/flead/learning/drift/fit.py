"""How a device's first readings, and what its peers know, become the state that it judges by.

From n rows of a channel, with the peers' medians (g of variances, D of drifts, W of wanders) where there are peers:

    m = mean,    s^2 = (n var + PRIOR g) / (n + PRIOR),    z = (x - m) / s,    M = EWMA of z
    wander = var(M),    drift = mean((M(t + lag) - M(t))^2) / 2
    v = max(W if n < MATURE, else wander; D) (1 + 31 / n)

The last factor is the error of m itself: m is the mean of n rows of a signal whose means of 31 rows vary by v. A
channel with D > DRIFTS_BY_NATURE drifts by nature.

The moments (``autoregression``) are of z - mu, with mu = 0 for channels that do not drift by nature. The peers' count
as PRIOR rows.
"""

import math

import numpy as np

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
    Model,
    Z,
    follow,
    judge,
)
from flead.learning.kernels import Float64x1, Float64x2, Index, Int64x1, ReadOnlyFloat64x1, kernel
from flead.learning.kinds import LEVELS

PRIOR = 100.0
"""How many rows the peers' statistics count as."""
MATURE = 200
"""From this many rows of its own on, a device goes by its own estimate of how its levels wander."""
LAG = 200
"""Rows over which a drift is looked for; half of the rows if there are fewer."""
DRIFTS_BY_NATURE = 0.5
FLOOR = 1e-6
"""Smallest scale, relative to max(1, |mean|), so that a constant channel that jumps is still judged."""


@kernel
def mean_and_variance(values: Float64x2, count: int, column: int) -> tuple[float, float]:
    """The mean and variance of a column's known values in the first ``count`` rows of (T, C); NaN if there are none."""
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


@kernel
def wander_and_drift(levels: Float64x1, count: int) -> tuple[float, float]:
    """The variance of the first ``count`` of (T,) levels, and half the mean square of how far they move in a lag."""
    total = 0.0
    for t in range(count):
        total += levels[t]
    mean, squares, moved, lag = total / count, 0.0, 0.0, min(LAG, count // 2)
    for t in range(count):
        squares += (levels[t] - mean) ** 2
        if t >= lag:
            moved += (levels[t] - levels[t - lag]) ** 2
    return squares / count, 0.5 * moved / (count - lag)


@kernel
def settle(values: Float64x2, column: int, count: int, z: Float64x2, k: int) -> None:
    """Replace z[:, k] of (T, c), those of a channel that drifts by nature, by z - mu, as readings will be judged."""
    reference, now = 0.0, 0.0
    for t in range(count):
        if not math.isnan(values[t, column]):
            now = z[t, k] - reference
            reference += DRIFTING * now
        z[t, k] = now


@kernel
def fit(
    row: Index,
    values: Float64x2,
    count: int,
    used: Int64x1,
    prior: ReadOnlyFloat64x1,
    model: Model,
    out: Float64x1,
) -> None:
    """Make the model of the device in ``row`` from the first ``count`` rows of ``values`` (T, C), and start it afresh.

    ``used`` (c,) are the channels that the device knows, in their kind's order, of which the first are modelled: at
    most V = ``model.last.shape[1] - 1``. ``prior`` is what the peers know, laid out as ``kinds.layout_of`` says, empty
    without peers. ``out`` gets the device's own statistics, laid out likewise, except for the scores.
    """
    channels, last, weights, precision = model.channels, model.last, model.weights, model.precision
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
    if not autoregression(a, b, c, w, r):  # no data can have the peers' moments: go by the own ones
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


@kernel
def replay(row: Index, size: int, values: Float64x2, count: int, model: Model, scores: Float64x1) -> None:
    """Run a model that was just made through its first ``count`` training rows; ``scores`` (T,) gets their scores."""
    scratch = np.zeros((ROOM, values.shape[1] + BLOCK))
    for t in range(count):
        _, _, scores[t], _, _, _ = judge(row, size, t, values, model, scratch)
        for j in range(values.shape[1]):
            if not math.isnan(scratch[Z, j]):
                follow(row, j, model.channels, scratch[Z, j], 0.0)


@kernel
def sketch(scores: Float64x1, start: int, stop: int, out: Float64x1) -> None:
    """Write the quantiles of ``scores[start:stop]`` at (i + 1/2) / LEVELS, linear between the order statistics."""
    ordered = np.sort(scores[start:stop])
    for i in range(LEVELS):
        place = (i + 0.5) / LEVELS * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        out[i] = ordered[below] + (place - below) * (ordered[above] - ordered[below])
