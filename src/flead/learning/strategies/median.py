"""Coordinate-wise median and trimmed mean: every parameter is judged by itself, and its extremes do not count.

Yin, Chen, Ramchandran, Bartlett, "Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates",
ICML 2018, Definitions 1 and 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.learner import Parameters
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State
from flead.learning.strategies.updates import named, rows

BLOCK = 256
"""Columns that are sorted together: few enough that 20 rows of them stay in the first-level cache."""


_F1 = types.float64[::1]


@njit(types.void(_F1, _F1), cache=True, nogil=True)
def exchange(upper: NDArray[np.float64], lower: NDArray[np.float64]) -> None:
    """Put the smaller of the two numbers in each column into the upper row, the larger into the lower."""
    for i in range(len(upper)):
        a, b = upper[i], lower[i]
        upper[i] = min(a, b)
        lower[i] = max(a, b)


@njit(types.void(types.float64[:, ::1]), cache=True, nogil=True)
def sort_columns(matrix: NDArray[np.float64]) -> None:
    """Sort every column of an (n, P) matrix, in place; none may hold NaN.

    Batcher's merge exchange (Knuth, The Art of Computer Programming 3, 5.2.2, Algorithm M): which rows are
    compared depends on n alone, so that a comparison is of whole rows, many columns an instruction.
    """
    count, columns = matrix.shape
    top = 1
    while 2 * top < count:
        top *= 2
    for start in range(0, columns, BLOCK):
        stop = min(columns, start + BLOCK)
        p = top
        while p > 0 and count > 1:
            q, r, d = top, 0, p
            while True:
                for i in range(count - d):
                    if i & p == r:
                        exchange(matrix[i, start:stop], matrix[i + d, start:stop])
                if q == p:
                    break
                d, q, r = q - p, q // 2, p
            p //= 2


def median(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P,) the medians of the columns of an (n, P) matrix without NaN; of an even number, the middle two's mean.

    >>> median(np.array([[1.0, 9.0], [2.0, 8.0], [100.0, 7.0]]))
    array([2., 8.])
    """
    ordered = matrix.copy()
    sort_columns(ordered)
    count = len(ordered)
    middle: NDArray[np.float64] = 0.5 * ordered[(count - 1) // 2] + 0.5 * ordered[count // 2]
    return middle


def trimmed_mean(matrix: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """(P,) the means of the columns of an (n, P) matrix without their floor(share n) smallest and largest numbers.

    >>> trimmed_mean(np.array([[1.0], [2.0], [3.0], [4.0], [1000.0]]), 0.2)
    array([3.])
    """
    ordered = matrix.copy()
    sort_columns(ordered)
    cut = int(share * len(ordered))
    mean: NDArray[np.float64] = ordered[cut : len(ordered) - cut].mean(axis=0)
    return mean


@dataclass(frozen=True)
class Median:
    """The median of every parameter: bears hostile updates as long as they are fewer than half."""

    rules: StrategyRules = DEFAULTS
    name = "median"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        return state, named(median(rows(updates)), updates[0])


@dataclass(frozen=True)
class TrimmedMean:
    """The mean of every parameter without its extremes: bears a share ``hostile`` of hostile updates."""

    rules: StrategyRules = DEFAULTS
    name = "trimmed_mean"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        return state, named(trimmed_mean(rows(updates), self.rules.hostile), updates[0])
