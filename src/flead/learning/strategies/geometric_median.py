"""The geometric median: the point with the smallest sum of distances to the updates.

Pillutla, Kakade, Harchaoui, "Robust Aggregation for Federated Learning", IEEE Transactions on Signal Processing 70,
2022, Algorithm 2, the smoothed Weiszfeld algorithm:

    beta_i = 1 / max(nu, |z - w_i|),    z <- sum(beta_i w_i) / sum(beta_i)

Unlike the paper's it begins at the coordinate-wise median, which a huge update cannot move, instead of at the mean,
and every update counts alike: the number of samples is what a hostile device says it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.learner import Parameters
from flead.learning.strategies.distances import distances, squared_distance
from flead.learning.strategies.median import median
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State
from flead.learning.strategies.updates import named, rows

SMOOTHING = 1e-6
"""nu, as a share of the updates' median distance from the start: an update that is nearer weighs no more for it."""

PRECISION = 1e-10
"""It ends when a step is smaller than this share of that distance."""

STEPS = 100


@njit(
    types.float64[::1](types.float64[:, ::1], types.float64[::1], types.float64, types.float64, types.intp),
    cache=True,
    nogil=True,
)
def weiszfeld(
    matrix: NDArray[np.float64], start: NDArray[np.float64], nearest: float, precision: float, steps: int
) -> NDArray[np.float64]:
    """(P,) the point after so many steps, or after one no longer than ``precision``, through (n, P) rows."""
    point, following = start.copy(), np.empty_like(start)
    for _ in range(steps):
        following[:] = 0.0
        total = 0.0
        for number in range(len(matrix)):
            row = matrix[number]
            weight = 1.0 / max(nearest, np.sqrt(squared_distance(row, point)))
            total += weight
            for i in range(len(row)):
                following[i] += weight * row[i]
        following /= total
        step = np.sqrt(squared_distance(following, point))
        point, following = following, point
        if step <= precision:
            break
    return point


def geometric_median(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P,) the geometric median of the rows of an (n, P) matrix.

    Of the corners of a triangle it is the Fermat point, from which the corners are 120 degrees apart:

    >>> geometric_median(np.array([[0.0, 1.0], [-1.0, -0.5], [1.0, -0.5]])).round(4) + 0.0
    array([0.    , 0.0774])
    """
    start = median(matrix)
    scale = float(np.median(distances(matrix, start)))
    if scale == 0.0:
        return start
    point: NDArray[np.float64] = weiszfeld(matrix, start, SMOOTHING * scale, PRECISION * scale, STEPS)
    return point


@dataclass(frozen=True)
class GeometricMedian:
    """The geometric median of the updates: bears hostile ones as long as they are fewer than half."""

    rules: StrategyRules = DEFAULTS
    name = "geometric_median"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        return state, named(geometric_median(rows(updates)), updates[0])
