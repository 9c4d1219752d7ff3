"""Buffered asynchronous aggregation: the mean by samples, with stale updates discounted.

Nguyen, Malik, Zhan, Yousefpour, Rabbat, Malek, Huba, "Federated Learning with Buffered Asynchronous
Aggregation", AISTATS 2022: an update that started tau versions ago counts by s(tau) = (1 + tau)^-0.5.
Unlike the paper's, the updates here are models and not differences, as in FedAvg.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flead.learning.learner import Parameters
from flead.learning.strategies.fedavg import weighted_mean
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State


def discount(staleness: int) -> float:
    """s(tau) = (1 + tau)^-0.5.

    >>> discount(0), discount(3)
    (1.0, 0.5)
    """
    return float((1 + staleness) ** -0.5)


def fresh_mean(updates: Sequence[Contribution]) -> Parameters:
    """sum(n_i s_i w_i) / sum(n_i s_i): the mean by samples and freshness."""
    return weighted_mean(updates, [update.samples * discount(update.staleness) for update in updates])


@dataclass(frozen=True)
class FedBuff:
    """The mean of the updates, weighted by samples and freshness."""

    rules: StrategyRules = DEFAULTS
    name = "fedbuff"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        return state, fresh_mean(updates)
