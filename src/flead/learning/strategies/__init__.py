"""The registry of strategies: what ``strategy`` can be set to. One idea a file."""

from flead.learning.strategies.adaptive import FedAdagrad, FedAdam, FedYogi
from flead.learning.strategies.fedavg import FedAvg
from flead.learning.strategies.fedavgm import FedAvgM
from flead.learning.strategies.fedbuff import FedBuff
from flead.learning.strategies.fedprox import FedProx
from flead.learning.strategies.geometric_median import GeometricMedian
from flead.learning.strategies.krum import Krum, MultiKrum
from flead.learning.strategies.median import Median, TrimmedMean
from flead.learning.strategies.norm_clipping import NormClipping
from flead.learning.strategies.peers import Peers
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.strategy import Contribution, State, Strategy

_ALL: tuple[type[Strategy], ...] = (
    FedAvg, FedBuff, FedProx, FedAvgM, FedAdagrad, FedAdam, FedYogi,
    Median, TrimmedMean, Krum, MultiKrum, GeometricMedian, NormClipping, Peers,
)  # fmt: skip

STRATEGIES: dict[str, type[Strategy]] = {strategy.name: strategy for strategy in _ALL}

STATISTICS: frozenset[str] = frozenset({Peers.name})
"""Those that merge what learners know of their readings; the others merge weights."""

__all__ = ["DEFAULTS", "STATISTICS", "STRATEGIES", "Contribution", "State", "Strategy", "StrategyRules"]
