"""How rare a score is for its own signal: a calibrated tail in four numbers.

A signal's scores above their 98 % quantile u are modelled by a generalised Pareto distribution, which every tail
tends to (Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 3, 1975; on streams:
Siffer et al., "Anomaly Detection in Streams with Extreme Value Theory", KDD 2017). With r the share of scores above u,
m and q the mean and mean square of their excess y = s - u, its shape and scale by the method of moments (Hosking,
Wallis, Technometrics 29, 1987) are

    xi = (1 - m^2 / (q - m^2)) / 2,    sigma = m (1 - xi),    -ln P(S > s) = -ln r + ln(1 + xi y / sigma) / xi.

u follows the quantile by stochastic approximation (Robbins, Monro, Annals of Mathematical Statistics 22, 1951). All
forget exponentially, so that a signal may change its ways, and no score is kept.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

# The numbers of a tail.
QUANTILE = 0  # u
RATE = 1  # r
EXCESS = 2  # m
SQUARE = 3  # q
SIZE_OF_TAIL = 4

SHARE = 0.02
"""The share of scores that makes the tail."""
FIRST = 50
"""Scores of which the largest is the first estimate of the quantile: 1 / SHARE of them."""
MEMORY = 10_000.0
"""Scores after which a tail has half forgotten."""
HEAVIEST = 0.5
"""Largest shape: heavier tails have no variance."""
OUTLIER = 10.0
"""An excess teaches as if it were at most so many mean ones: one event must not blind a signal to the next.
The first of all counts for at most so many units."""
RAREST = 1e-4
"""A tail is taken for no rarer than the share that its memory could just show."""
COMMON = -math.log(SHARE)
TINY = 1e-12

_S3 = types.float64[:, :, ::1]
_AT = (_S3, types.uintp, types.uintp, types.intp)


@njit(types.float64(*_AT, types.float64, types.float64), cache=True, nogil=True, inline="always")
def rarity(
    signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, at: int, score: float, least: float
) -> float:
    """-ln P(S > score), 0 or more, by the tail at ``signals[row, channel, at:]``; below u in proportion to the score.

    The mean excess is taken for at least ``least``: a score that hardly ever was above 0 is no proof by that alone.
    """
    quantile = signals[row, channel, at + QUANTILE]
    if score <= quantile:
        return float(COMMON * max(score, 0.0) / max(quantile, TINY))
    start = -math.log(signals[row, channel, at + RATE] + RAREST)
    mean = max(signals[row, channel, at + EXCESS], least)
    spread = max(signals[row, channel, at + SQUARE] - mean * mean, TINY * mean * mean)
    shape = min(0.5 * (1.0 - mean * mean / spread), HEAVIEST)
    excess = (score - quantile) / mean
    if shape < 0.01:  # an exponential tail; a lighter one is not believed
        return float(start + excess)
    return float(start + math.log1p(shape * excess / (1.0 - shape)) / shape)


@njit(types.void(*_AT, types.float64, types.float64), cache=True, nogil=True, inline="always")
def learn(
    signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, at: int, score: float, seen: float
) -> None:
    """Take a score into the tail that has ``seen`` so many before."""
    quantile = signals[row, channel, at + QUANTILE]
    if seen < 1.0:
        signals[row, channel, at + QUANTILE] = signals[row, channel, at + EXCESS] = quantile = 0.0
    if seen < FIRST:
        # The mean lies in EXCESS until the quantile is known.
        mean = signals[row, channel, at + EXCESS]
        mean += (score - mean) / (seen + 1.0)
        quantile = max(quantile, score)
        if seen + 1.0 >= FIRST:
            # In a normal or exponential distribution of absolute values, the largest of 50 is about four mean
            # excesses above the mean.
            mean = max(0.25 * (quantile - mean), 0.0)
            signals[row, channel, at + SQUARE] = 2.0 * mean * mean
            signals[row, channel, at + RATE] = SHARE
        signals[row, channel, at + QUANTILE] = quantile
        signals[row, channel, at + EXCESS] = mean
        return
    weight = min(seen + 1.0, MEMORY)
    rate = signals[row, channel, at + RATE]
    mean = signals[row, channel, at + EXCESS]
    above = 1.0 if score > quantile else 0.0
    rate += (above - rate) / weight
    if score > quantile:
        excess = min(score - quantile, OUTLIER * (mean if mean > 0.0 else 1.0))
        share = 1.0 / max(SHARE * weight, 1.0) if mean > 0.0 else 1.0
        signals[row, channel, at + EXCESS] = mean + share * (excess - mean)
        square = signals[row, channel, at + SQUARE]
        signals[row, channel, at + SQUARE] = square + share * (excess * excess - square)
    step = mean * max(1.0 / (SHARE * weight), 0.01)
    signals[row, channel, at + QUANTILE] = max(quantile + step * (above - SHARE), 0.0)
    signals[row, channel, at + RATE] = rate
