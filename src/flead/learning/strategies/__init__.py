"""The registry of strategies: what ``strategy`` can be set to. One idea a file."""

from flead.learning.strategies.fedavg import FedAvg
from flead.learning.strategies.fedbuff import FedBuff
from flead.learning.strategies.strategy import Contribution, State, Strategy

STRATEGIES: dict[str, type[Strategy]] = {strategy.name: strategy for strategy in (FedAvg, FedBuff)}

__all__ = ["STRATEGIES", "Contribution", "State", "Strategy"]
