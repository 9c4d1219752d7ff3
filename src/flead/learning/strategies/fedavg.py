"""Federated averaging: every update counts by its samples.

McMahan, Moore, Ramage, Hampson, Agüera y Arcas, "Communication-Efficient Learning of Deep Networks from
Decentralized Data", AISTATS 2017, Algorithm 1: w = sum(n_i w_i) / sum(n_i).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.learner import Parameters
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State
from flead.learning.strategies.updates import usable, within

AT_ONCE = 10
"""Arrays that are added in one pass over the sum: reading and writing it costs least then."""

_F1 = types.float64[::1]
_ARRAYS = types.UniTuple(types.Array(types.float64, 1, "C", readonly=True), AT_ONCE)


@njit(types.void(_F1, _F1, types.intp, _ARRAYS), cache=True, nogil=True)
def add(
    total: NDArray[np.float64], shares: NDArray[np.float64], first: int, arrays: tuple[NDArray[np.float64], ...]
) -> None:
    """Add ``AT_ONCE`` arrays of (P,) to ``total``, each times its share, of which the first is ``shares[first]``."""
    for i in range(len(total)):
        value = total[i]
        for j in range(AT_ONCE):
            value += shares[first + j] * arrays[j][i]
        total[i] = value


def weighted_sum(
    arrays: Sequence[NDArray[np.float64]], weights: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """sum(weights_i arrays_i) of arrays of one shape: each is read once, and none is copied.

    >>> weighted_sum([np.array([1.0, 2.0]), np.array([3.0, 4.0])], [1.0, 0.5])
    array([2.5, 4. ])
    """
    missing = -len(arrays) % AT_ONCE
    # The last group is filled up with an array that counts for nothing.
    parts = [np.asarray(array, dtype=np.float64).ravel() for array in arrays] + [np.zeros(arrays[0].size)] * missing
    shares = np.zeros(len(parts))
    shares[: len(arrays)] = weights
    total = np.zeros(arrays[0].size)
    for first in range(0, len(parts), AT_ONCE):
        add(total, shares, first, tuple(parts[first : first + AT_ONCE]))
    return total.reshape(arrays[0].shape)


def weighted_mean(updates: Sequence[Contribution], weights: Sequence[float]) -> Parameters:
    """sum(weights_i w_i) / sum(weights_i), for every named array, over the usable updates.

    >>> light, heavy = Contribution({"w": np.array([0.0])}, 1, 0), Contribution({"w": np.array([4.0])}, 1, 0)
    >>> weighted_mean([light, heavy], [1, 3])
    {'w': array([3.])}
    """
    column = np.asarray(weights, dtype=np.float64)
    shares = column / column.sum()
    mean = {
        name: weighted_sum([update.parameters[name] for update in updates], shares) for name in updates[0].parameters
    }
    # What is not usable shows in the mean, so that the updates need not be read twice to find that all are.
    if all(within(array.ravel()) for array in mean.values()):
        return mean
    kept = usable(updates)
    if all(kept):
        return mean
    return weighted_mean([update for update, good in zip(updates, kept, strict=True) if good], column[kept].tolist())


@dataclass(frozen=True)
class FedAvg:
    """The mean of the updates, weighted by samples; how old an update is does not matter."""

    rules: StrategyRules = DEFAULTS
    name = "fedavg"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        return state, weighted_mean(updates, [update.samples for update in updates])
