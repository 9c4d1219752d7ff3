"""Updates as whole numbers modulo 2^64, whose sums are exact: masks that cancel cancel to the last bit."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FRACTION_BITS = 32
"""A parameter is rounded to 2^-32, and a sum of parameters times samples may be as large as 2^31."""

_SCALE = 2.0**FRACTION_BITS
_LARGEST = 2.0**63


class WeightedMean(NamedTuple):
    """All that the sum of encoded updates reveals."""

    parameters: NDArray[np.float64]  # (P,) sum(n_i w_i) / sum(n_i)
    samples: int


def encode(parameters: NDArray[np.float64], samples: int, most: int) -> NDArray[np.uint64]:
    """(P + 1,) an update times its samples, then the samples, fit to be summed over up to ``most`` devices.

    ValueError for an update that is not finite or whose sum could overflow.
    """
    scaled = np.append(parameters * samples, samples) * _SCALE
    # NaN is not below anything.
    if samples < 1 or not (np.abs(scaled) < _LARGEST / most).all():
        raise ValueError(f"samples {samples} times the parameters must be below {_LARGEST / most / _SCALE:g}")
    encoded: NDArray[np.uint64] = np.rint(scaled).astype(np.int64).view(np.uint64)
    return encoded


def decode(total: NDArray[np.uint64]) -> WeightedMean:
    """The mean by samples of the updates whose encodings add up to (P + 1,) ``total``.

    >>> decode(encode(np.array([1.0]), 100, most=2) + encode(np.array([-3.0]), 300, most=2))
    WeightedMean(parameters=array([-2.]), samples=400)
    """
    numbers = total.view(np.int64) / _SCALE
    return WeightedMean(numbers[:-1] / numbers[-1], round(numbers[-1]))
