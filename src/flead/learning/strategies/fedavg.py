"""Federated averaging: every update counts by its samples.

McMahan, Moore, Ramage, Hampson, Agüera y Arcas, "Communication-Efficient Learning of Deep Networks from
Decentralized Data", AISTATS 2017, Algorithm 1: w = sum(n_i w_i) / sum(n_i).
"""

from collections.abc import Sequence

import numpy as np

from flead.learning.learner import Parameters
from flead.learning.strategies.strategy import Contribution, State


def weighted_mean(updates: Sequence[Contribution], weights: Sequence[float]) -> Parameters:
    """sum(weights_i w_i) / sum(weights_i), for every named array.

    >>> light, heavy = Contribution({"w": np.array([0.0])}, 1, 0), Contribution({"w": np.array([4.0])}, 1, 0)
    >>> weighted_mean([light, heavy], [1, 3])
    {'w': array([3.])}
    """
    column = np.asarray(weights, dtype=np.float64)
    shares = column / column.sum()
    return {
        name: np.tensordot(shares, np.stack([update.parameters[name] for update in updates]), axes=1)
        for name in updates[0].parameters
    }


class FedAvg:
    """The mean of the updates, weighted by samples; how old an update is does not matter."""

    name = "fedavg"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        return state, weighted_mean(updates, [update.samples for update in updates])
