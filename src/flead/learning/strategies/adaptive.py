"""Adaptive server optimisers: parameters that change little take steps as large as those that change much.

Reddi, Charles, Zaheer, Garrett, Rush, Konečný, Kumar, McMahan, "Adaptive Federated Optimization", ICLR 2021,
Algorithm 2. With ``change`` the mean of the updates less the last global model w:

    m <- beta1 m + (1 - beta1) change
    v <- v + change^2                                          FedAdagrad
    v <- beta2 v + (1 - beta2) change^2                        FedAdam
    v <- v - (1 - beta2) change^2 sign(v - change^2)           FedYogi
    w <- w + rate m / (sqrt(v) + tau)

m begins at 0 and v at tau^2; there is no correction of the first rounds' bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flead.learning.learner import Parameters
from flead.learning.strategies.fedbuff import fresh_mean
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State


@dataclass(frozen=True)
class FedAdagrad:
    """Steps that become smaller the more a parameter has changed in all rounds so far.

    The first round has no model to start from: it is the mean of the updates.

    >>> strategy = FedAdagrad(StrategyRules(server_momentum=0.0, server_rate=0.1, adaptivity=0.5))
    >>> state = {"model": {"w": np.ones(1)}, "momentum": {"w": np.zeros(1)}, "variance": {"w": np.zeros(1)}}
    >>> strategy.step(state, [Contribution({"w": np.array([2.5])}, 1, 0)])[1]  # 1 + .1 * 1.5 / (1.5 + .5)
    {'w': array([1.075])}
    """

    rules: StrategyRules = DEFAULTS
    name = "fedadagrad"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        rules, mean = self.rules, fresh_mean(updates)
        if not state:
            momentum = {name: np.zeros_like(array) for name, array in mean.items()}
            variance = {name: np.full_like(array, rules.adaptivity**2) for name, array in mean.items()}
            return {"model": mean, "momentum": momentum, "variance": variance}, mean
        model, momentum, variance = {}, {}, {}
        for name, last in state["model"].items():
            change = mean[name] - last
            momentum[name] = rules.server_momentum * state["momentum"][name] + (1 - rules.server_momentum) * change
            variance[name] = self.variance(state["variance"][name], change * change)
            model[name] = last + rules.server_rate * momentum[name] / (np.sqrt(variance[name]) + rules.adaptivity)
        return {"model": model, "momentum": momentum, "variance": variance}, model

    def variance(self, before: NDArray[np.float64], square: NDArray[np.float64]) -> NDArray[np.float64]:
        """The next v, of the last one and the square of the change."""
        return before + square


@dataclass(frozen=True)
class FedAdam(FedAdagrad):
    """Steps that depend on how much a parameter has changed lately; v can fall as fast as it rises."""

    name = "fedadam"

    def variance(self, before: NDArray[np.float64], square: NDArray[np.float64]) -> NDArray[np.float64]:
        beta = self.rules.second_momentum
        return beta * before + (1 - beta) * square


@dataclass(frozen=True)
class FedYogi(FedAdagrad):
    """FedAdam whose v moves by the size of the change alone: after a burst of changes it falls slowly."""

    name = "fedyogi"

    def variance(self, before: NDArray[np.float64], square: NDArray[np.float64]) -> NDArray[np.float64]:
        weight = 1 - self.rules.second_momentum
        after: NDArray[np.float64] = before - weight * square * np.sign(before - square)
        return after
