"""How the drift learner judges a reading, and the state that it judges by.

A channel's z = (x - mean) / scale, cut off at +-CUT so that one broken value is soon forgotten. Two things are watched:

- its *level* M, the mean of roughly the last 30 z (EWMA), against its reference mu: d = (M - mu) / sqrt(v), where v is
  how much M wanders when all is well (drift-aware mean);
- its *energy*, how badly the channels' previous z - mu predict the next: e' R^-1 e / channels, smoothed likewise, where
  e is the error of a vector autoregression of order 1 and R its covariance. It is about 1 when all is well.

The score is sqrt(max |d| sqrt(energy)). The reference of a channel that drifts by nature follows at the rate DRIFTING,
that of any other at STILL, but not during an alarm.
"""

import math
from typing import NamedTuple

import numpy as np

from flead.learning.kernels import Float64x2, Float64x3, Index, kernel

# The numbers of a channel: the last axis of Model.channels.
ANCHOR = 0  # the value that its stored training rows are relative to
MEAN = 1  # the mean in z = (x - mean) / scale
SCALE = 2  # the scale there; 0: not known yet
SPREAD = 3  # sqrt(v)
PER_SCALE = 4  # 1 / SCALE: a division takes as long as five multiplications
PER_SPREAD = 5  # 1 / SPREAD, likewise
DRIFTS = 6  # 1 if the channel drifts by nature
PLACE = 7  # its place in the autoregression, from 1; 0: not in it
ERROR = 8  # the standard deviation of its error there
LEVEL = 9  # M, changes with every reading
REFERENCE = 10  # mu, likewise
ENERGY = 11  # its part of the energy, likewise
NUMBERS = 12

# The rows of the scratch, (ROOM, C padded).
FORETOLD = 0  # what the autoregression predicts of z - mu, by place
ERRORS = 1  # z - mu less that, by place
WEIGHTED = 2  # R^-1 e, by place
Z = 3  # the reading's z, by channel; NaN where it is not known
ROOM = 4


class Model(NamedTuple):
    """What D devices of up to C channels are judged by; V of the channels are in the autoregression, P is V padded."""

    channels: Float64x3  # (D, C, NUMBERS) the numbers of each channel, above
    last: Float64x2  # (D, 1 + V) a 1, and the previous z - mu of the modelled channels
    weights: Float64x3  # (D, 1 + V, P) the autoregression's constants, and the weights of each previous z - mu
    precision: Float64x3  # (D, V, P) R^-1


SMOOTHING = 2.0 / 31.0
"""Weight of the newest reading in the EWMAs: they have the memory of a window of 30."""

DRIFTING, STILL = 1.0 / 50.0, 1.0 / 2000.0

CUT = 10.0
"""|z| is cut off here: enough for an alarm, forgotten within a hundred readings."""

HIT = 2.0
"""A prediction counts as right if its error is within this many standard deviations: 95 % of Gaussian errors are."""

BLOCK = 4
"""Sums that are formed at a time: as many as one instruction adds."""


@kernel
def padded(count: int) -> int:
    """The next multiple of ``BLOCK``: the length of a matrix's rows."""
    return -(-count // BLOCK) * BLOCK


def no_models(devices: int, channels: int, modelled: int) -> Model:
    """Zeros for ``devices`` models of ``channels`` channels, of which ``modelled`` are in the autoregression."""
    return Model(
        channels=np.zeros((devices, channels, NUMBERS)),
        last=np.zeros((devices, modelled + 1)),
        weights=np.zeros((devices, modelled + 1, padded(modelled))),
        precision=np.zeros((devices, modelled, padded(modelled))),
    )


@kernel(error_model="numpy", inline="always")
def multiply(
    matrices: Float64x3, row: Index, count: Index, vectors: Float64x2, which: Index, out: Float64x2, to: Index
) -> None:
    """out[to] (P,) = vectors[which, :count] @ matrices[row, :count] (., P), P padded.

    The sums are kept in registers, since the compiler cannot know that ``out`` is none of the arrays that are read.
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


@kernel(error_model="numpy")
def judge(
    row: Index, size: int, i: int, values: Float64x2, model: Model, scratch: Float64x2
) -> tuple[int, float, float, float, int, int]:
    """Take reading i of ``values`` (N, C) into the state of the device in ``row``, and judge it.

    ``size`` of its channels are in the autoregression. ``scratch`` (ROOM, C padded) holds the reading's z afterwards.

    Returns the channel that deviates most (-1 if the device knows none of the reading's), its d, the score, the energy
    of this reading alone, and how many of its values were predicted right, out of how many.
    """
    channels, last = model.channels, model.last
    multiply(model.weights, row, np.uintp(1 + size), last, row, scratch, np.uintp(FORETOLD))
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
        larger = abs(d) > largest  # not a branch: it could not be predicted
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
    multiply(model.precision, row, np.uintp(size), scratch, np.uintp(ERRORS), scratch, np.uintp(WEIGHTED))
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
        # Where channels are missing, the remaining terms of the quadratic form may add up to less than 0.
        score *= math.sqrt(max(energy, 0.0) / counted)
        now = max(now, 0.0) / counted
    return channel, deviation, math.sqrt(score), now, foretold, counted


@kernel(error_model="numpy")
def follow(row: Index, j: int, channels: Float64x3, z: float, still: float) -> None:
    """Move the reference of channel j towards its latest z, at the rate ``still`` unless it drifts by nature."""
    rate = DRIFTING if channels[row, j, DRIFTS] > 0.0 else still
    channels[row, j, REFERENCE] += rate * (z - channels[row, j, REFERENCE])
