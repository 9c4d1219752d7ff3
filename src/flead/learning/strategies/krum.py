"""Krum and Multi-Krum: the updates that lie closest to their nearest others.

Blanchard, El Mhamdi, Guerraoui, Stainer, "Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent",
NeurIPS 2017, section 4: of n updates, f of them hostile, an update's score is the sum of its squared distances to
the n - f - 2 others that are nearest to it. Krum takes the update with the lowest score, Multi-Krum the mean of
the m with the lowest; m = n - f, as in the paper's experiments. The guarantee needs n > 2 f + 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flead.learning.learner import Parameters
from flead.learning.strategies.distances import squared_distances
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State
from flead.learning.strategies.updates import named, rows


def krum_scores(matrix: NDArray[np.float64], hostile: int) -> NDArray[np.float64]:
    """(n,) every row's sum of squared distances to the n - hostile - 2 others (at least one) nearest to it.

    >>> krum_scores(np.array([[0.0], [1.0], [3.0], [50.0]]), hostile=1)
    array([1.000e+00, 1.000e+00, 4.000e+00, 2.209e+03])
    """
    count = len(matrix)
    nearest = max(1, count - hostile - 2)
    # The first of a sorted row is the update's distance to itself.
    ordered = np.sort(squared_distances(matrix), axis=1)
    scores: NDArray[np.float64] = ordered[:, 1 : 1 + nearest].sum(axis=1)
    return scores


def still_hostile(share: float, updates: int, left: int) -> int:
    """How many of the usable updates may be hostile: those that could not be used were some of them."""
    return max(0, int(share * updates) - (updates - left))


@dataclass(frozen=True)
class Krum:
    """One device's update as it is: the one in the thick of the others."""

    rules: StrategyRules = DEFAULTS
    name = "krum"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        matrix = rows(updates)
        scores = krum_scores(matrix, still_hostile(self.rules.hostile, len(updates), len(matrix)))
        return state, named(matrix[np.argmin(scores)].copy(), updates[0])


@dataclass(frozen=True)
class MultiKrum:
    """The mean of all updates but those, as many as may be hostile, that lie farthest from the others."""

    rules: StrategyRules = DEFAULTS
    name = "multi_krum"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        matrix = rows(updates)
        hostile = still_hostile(self.rules.hostile, len(updates), len(matrix))
        # Of updates with equal scores the earlier counts as the closer.
        best = np.argsort(krum_scores(matrix, hostile), kind="stable")[: len(matrix) - hostile]
        return state, named(matrix[np.sort(best)].mean(axis=0), updates[0])
