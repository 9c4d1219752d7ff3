"""Federated averaging with server momentum: what the rounds agree on adds up, what they do not cancels out.

Hsu, Qi, Brown, "Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification",
2019 (arXiv:1909.06335), section 4.3: v <- beta v + change, w <- w + v, where ``change`` is the mean of the updates
less the last global model w.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flead.learning.learner import Parameters
from flead.learning.strategies.fedbuff import fresh_mean
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State


@dataclass(frozen=True)
class FedAvgM:
    """A step with momentum from the last global model towards the mean of the updates.

    The first round has no model to start from: it is the mean.

    >>> strategy = FedAvgM(StrategyRules(server_momentum=0.5))
    >>> state, first = strategy.step({}, [Contribution({"w": np.array([1.0])}, 1, 0)])
    >>> state, second = strategy.step(state, [Contribution({"w": np.array([3.0])}, 1, 0)])  # v = 2
    >>> strategy.step(state, [Contribution({"w": np.array([4.0])}, 1, 0)])[1]  # v = .5 * 2 + 1
    {'w': array([5.])}
    """

    rules: StrategyRules = DEFAULTS
    name = "fedavgm"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        mean = fresh_mean(updates)
        if not state:
            return {"model": mean, "momentum": {name: np.zeros_like(array) for name, array in mean.items()}}, mean
        last, before = state["model"], state["momentum"]
        momentum = {name: self.rules.server_momentum * before[name] + (mean[name] - last[name]) for name in mean}
        model = {name: last[name] + momentum[name] for name in mean}
        return {"model": model, "momentum": momentum}, model
