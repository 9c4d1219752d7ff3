"""Norm clipping: no update moves the global model farther than an ordinary one.

Sun, Kairouz, Suresh, McMahan, "Can You Really Backdoor Federated Learning?", 2019 (arXiv:1911.07963), section 3:
the mean of (w_i - w) min(1, bound / |w_i - w|) is added to the last global model w. The bound is the median of the
round's norms, the quantile that Andrew, Thakkar, McMahan, Ramaswamy, "Differentially Private Learning with Adaptive
Clipping", NeurIPS 2021, find to serve well; so there is nothing to tune.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flead.learning.learner import Parameters
from flead.learning.strategies.distances import distances
from flead.learning.strategies.median import median
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State
from flead.learning.strategies.updates import named, rows


def clipped_mean(matrix: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P,) the mean of an (n, P) matrix's rows, each drawn to within the median distance from ``centre``.

    >>> clipped_mean(np.array([[1.0], [2.0], [-400.0]]), centre=np.array([0.0]))  # 1, 2 and -2
    array([0.33333333])
    """
    norms = distances(matrix, centre)
    bound = np.median(norms)
    scales = np.divide(bound, norms, out=np.ones_like(norms), where=norms > bound)
    # sum(scales (w - centre)) without an array of the differences.
    moved: NDArray[np.float64] = scales @ matrix - scales.sum() * centre
    return centre + moved / len(matrix)


@dataclass(frozen=True)
class NormClipping:
    """The mean of the updates, none of them farther from the last global model than half of them are.

    The first round has no model to start from: it starts from the coordinate-wise median of its updates.
    """

    rules: StrategyRules = DEFAULTS
    name = "norm_clipping"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        matrix = rows(updates)
        if state:
            centre = np.concatenate([state["model"][name].ravel() for name in updates[0].parameters])
        else:
            centre = median(matrix)
        model = named(clipped_mean(matrix, centre), updates[0])
        return {"model": model}, model
