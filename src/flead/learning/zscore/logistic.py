"""Logistic regression by stochastic gradient descent: the small model that devices share.

p(anomaly) = sigmoid(w . f + b). After every reading, in order (system description, "Stochastic Gradient
Descent"):

    w <- w - rate (p - y) f,    b <- b - rate (p - y)

The loss is the binary cross-entropy, -log p where y = 1 and -log(1 - p) where y = 0.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

WEIGHTS = 3
LAYOUT: dict[str, tuple[int, ...]] = {"weights": (WEIGHTS,), "bias": (1,)}
"""The model's parameters: one weight for each feature (mean, std, z) and the bias."""

LARGEST_Z = 10.0
"""A scaled |z| is no larger: twice the critical threshold says all that the model needs."""

_F = types.float64


@njit(types.UniTuple(_F, 3)(_F, _F, _F, types.boolean), cache=True, nogil=True)
def features(mean: float, std: float, z: float, scaled: bool) -> tuple[float, float, float]:
    """The model's inputs. Raw, as published: mean, std, z.

    Scaled: mean / (|mean| + std) and std / (|mean| + std), which say how a signal's level compares with its
    spread whatever its unit, and |z| up to ``LARGEST_Z``. They are bounded, so that a level of 1e9 does not
    saturate the sigmoid, and |z| because the rule |z| > threshold has two sides and a linear model has one.
    """
    if not scaled:
        return mean, std, z
    share = 1.0 / (abs(mean) + std)
    return mean * share, std * share, min(abs(z), LARGEST_Z)


@njit(_F(_F), cache=True, nogil=True)
def sigmoid(score: float) -> float:
    """1 / (1 + exp(-score)), without overflow."""
    small = math.exp(-abs(score))
    return (1.0 if score >= 0.0 else small) / (1.0 + small)


@njit(_F[::1](_F[:, ::1], _F[:, ::1], types.int16[::1], _F[::1], _F[::1], types.boolean), cache=True, nogil=True)
def probabilities(
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    channel: NDArray[np.int16],
    z: NDArray[np.float64],
    model: NDArray[np.float64],
    scaled: bool,
) -> NDArray[np.float64]:
    """(N,) p(anomaly) of N readings under one model, flat as in ``LAYOUT``.

    Shapes: mean and std (N, C), channel (N,) the column of them that counts, z (N,).
    """
    result = np.empty(len(z))
    for i in range(len(z)):
        level, spread, deviation = features(mean[i, channel[i]], std[i, channel[i]], z[i], scaled)
        result[i] = sigmoid(model[0] * level + model[1] * spread + model[2] * deviation + model[3])
    return result
