"""The model that devices share: logistic regression on how large and how rare a channel's views are.

With v the K views of a channel and R their rarities, the inputs are u = (ln(1 + R), ln(1 + v)), which have no unit, and
the logit of a channel w . u + b. A device's is the largest of its C channels' less ln C: one of many is the largest
by chance. Learnt is to tell a twin that suffers a fault (y = 1) from its signal (y = 0) by stochastic gradient descent
on the cross-entropy, a pair at a time; the signal counts ``ODDS`` times as much, so that the bias is that of a world
in which one reading in 1 + ODDS is faulty.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.sentinel.record import KINDS

INPUTS = 2 * KINDS
BIAS = INPUTS
SIZE_OF_MODEL = INPUTS + 1
LAYOUT: dict[str, tuple[int, ...]] = {"weights": (INPUTS,), "bias": (1,)}

ODDS = 5.0
RATE, LEAST_RATE, HALVED = 0.02, 0.002, 1000.0
"""The step size of the descent: RATE / (1 + n / HALVED) after n readings, at least LEAST_RATE."""
FARTHEST = 30.0

_F1, _F2 = types.float64[::1], types.float64[:, ::1]
_ROOT = np.float32(math.sqrt(2.0))
_HALF_LN2 = np.float32(0.5 * math.log(2.0))
_LN2 = np.float32(math.log(2.0))


@njit(types.float64(types.float64), cache=True, nogil=True, inline="always")
def logarithm(x: float) -> float:
    """ln(1 + x) for x >= 0, to 1e-6, in a tenth of the library's time and with the same bits everywhere.

    From the exponent e and the mantissa m of a single-precision number, with s = (m - sqrt 2) / (m + sqrt 2):
    ln(m 2^e) = (e + 1/2) ln 2 + 2 (s + s^3 / 3 + s^5 / 5), |s| < .172.
    """
    bits = np.float32(1.0 + x).view(np.int32)
    mantissa = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    exponent = np.float32((bits >> np.int32(23)) - np.int32(127))
    s = (mantissa - _ROOT) / (mantissa + _ROOT)
    square = s * s
    series = s * (np.float32(2.0) + square * (np.float32(2.0 / 3.0) + square * np.float32(0.4)))
    return float(exponent * _LN2 + _HALF_LN2 + series)


@njit(types.void(_F1, _F1, _F1), cache=True, nogil=True)
def inputs_of(rarities: NDArray[np.float64], looks: NDArray[np.float64], inputs: NDArray[np.float64]) -> None:
    """Write the inputs (2 K,) of a channel with these rarities (K,) and views (K,)."""
    for i in range(KINDS):
        inputs[i] = logarithm(rarities[i])
        inputs[KINDS + i] = logarithm(max(looks[i], 0.0))


@njit(types.float64(_F2, types.uintp, _F1), cache=True, nogil=True)
def logit_of(models: NDArray[np.float64], row: int | np.uintp, inputs: NDArray[np.float64]) -> float:
    """W . u + b by the model of a device."""
    total = models[row, BIAS]
    for i in range(INPUTS):
        total += models[row, i] * inputs[i]
    return float(total)


@njit(types.float64(types.float64), cache=True, nogil=True, inline="always")
def probability_of(logit: float) -> float:
    """1 / (1 + exp(-logit))."""
    return 1.0 / (1.0 + math.exp(-min(max(logit, -FARTHEST), FARTHEST)))


@njit(
    types.float64(_F2, types.uintp, _F1, types.float64, types.float64, types.float64), cache=True, nogil=True
)  # fmt: skip
def descend(
    models: NDArray[np.float64],
    row: int | np.uintp,
    inputs: NDArray[np.float64],
    answer: float,
    weight: float,
    rate: float,
) -> float:
    """Take a step towards the answer, 0 or 1, that counts ``weight``; the probability of the right one before it."""
    probability = probability_of(logit_of(models, row, inputs))
    step = rate * weight * (probability - answer)
    for i in range(INPUTS):
        models[row, i] -= step * inputs[i]
    models[row, BIAS] -= step
    return probability if answer > 0.0 else 1.0 - probability


@njit(types.float64[::1](types.float32[:, ::1], _F1), cache=True, nogil=True)
def probabilities(features: NDArray[np.float32], model: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) p(anomaly) by a model (P,): features (N, 2 K + 1) are a channel's inputs and ln C; ln C < 0: not scored."""
    result = np.zeros(len(features))
    for n in range(len(features)):
        if features[n, INPUTS] >= 0.0:
            logit = model[BIAS] - features[n, INPUTS]
            for i in range(INPUTS):
                logit += model[i] * features[n, i]
            result[n] = probability_of(logit)
    return result
