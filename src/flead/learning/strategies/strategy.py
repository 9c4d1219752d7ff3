"""What the server runs: the contract of all strategies. State in, state out."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from flead.learning.learner import Parameters
from flead.learning.strategies.rules import DEFAULTS, StrategyRules

State = dict[str, Parameters]
"""A strategy's memory between rounds: named arrays under names, so that it can be stored with a checkpoint."""


class Contribution(NamedTuple):
    """One device's update, as the server sees it when a round ends."""

    parameters: Parameters
    samples: int
    """Readings it was trained on; at least 1."""
    staleness: int
    """Global versions published since the one that the training started from; at least 0."""
    device: str = ""
    """Whose it is, for strategies that remember what each device said."""


class Strategy(Protocol):
    """How updates become a global model. Neither the state nor the updates are changed.

    Strategies that average count an update by its samples and, but for FedAvg, by its freshness. Both are
    the device's own words, so the robust ones (median, trimmed mean, Krum, Multi-Krum, geometric median, norm
    clipping) ignore them: one device, one vote.

    An update that is not finite is left out of its round; the robust ones leave out one beyond 1e100, too.
    """

    name: str

    def __init__(self, rules: StrategyRules = DEFAULTS) -> None: ...

    def init(self) -> State:
        """The state before the first round."""

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        """One round over at least one update, all of the same layout: the next state and the global parameters.

        ValueError if no update can be used.
        """
