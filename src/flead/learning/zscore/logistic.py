"""Logistic regression by stochastic gradient descent: the small model that devices share.

p(anomaly) = sigmoid(w . f + b). After every reading, in order (system description, "Stochastic Gradient Descent"), with
y the label, 0 or 1:

    w <- w - rate (p - y) f,    b <- b - rate (p - y)

The loss is the binary cross-entropy, -log p where y = 1 and -log(1 - p) where y = 0.
"""

import math

import numpy as np

from flead.learning.kernels import Float64x1, Float64x2, Int16x1, kernel

WEIGHTS = 3
LAYOUT: dict[str, tuple[int, ...]] = {"weights": (WEIGHTS,), "bias": (1,)}
"""The model's parameters: one weight for each feature (mean, std, z) and the bias."""

LARGEST_Z = 10.0
"""A scaled |z| is cut off here: twice the critical threshold says all that the model needs."""


@kernel
def features(mean: float, std: float, z: float, scaled: bool) -> tuple[float, float, float]:
    """The model's inputs. Raw, as published: mean, std, z.

    Scaled: mean / (|mean| + std) and std / (|mean| + std), which compare a signal's level with its spread whatever its
    unit, and |z| up to ``LARGEST_Z``. They are bounded, so that a level of 1e9 does not saturate the sigmoid; and it is
    |z| because the rule |z| > threshold has two sides and a linear model has one.
    """
    if not scaled:
        return mean, std, z
    share = 1.0 / (abs(mean) + std)
    return mean * share, std * share, min(abs(z), LARGEST_Z)


@kernel
def sigmoid(score: float) -> float:
    """1 / (1 + exp(-score)), without overflow."""
    small = math.exp(-abs(score))
    return (1.0 if score >= 0.0 else small) / (1.0 + small)


@kernel
def probabilities(
    mean: Float64x2, std: Float64x2, channel: Int16x1, z: Float64x1, model: Float64x1, scaled: bool
) -> Float64x1:
    """(N,) p(anomaly) of N judged readings under one model (4,), flat as in ``LAYOUT``.

    Shapes: mean and std (N, C); channel (N,) which of their columns counts for each reading, and z (N,) its deviation.
    """
    result = np.empty(len(z))
    for i in range(len(z)):
        level, spread, deviation = features(mean[i, channel[i]], std[i, channel[i]], z[i], scaled)
        result[i] = sigmoid(model[0] * level + model[1] * spread + model[2] * deviation + model[3])
    return result
