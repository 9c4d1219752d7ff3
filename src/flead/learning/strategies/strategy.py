"""What the server runs: the contract of all strategies. State in, state out."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from flead.learning.learner import Parameters

State = dict[str, Any]
"""A strategy's memory between rounds: arrays and numbers by name, so that it can be stored with a checkpoint."""


class Contribution(NamedTuple):
    """One device's update, as the server sees it when a round ends."""

    parameters: Parameters
    samples: int
    """Readings it was trained on; at least 1."""
    staleness: int
    """Global versions published since the one that the training started from; at least 0."""


class Strategy(Protocol):
    """How updates become a global model. Neither the state nor the updates are changed."""

    name: str

    def init(self) -> State:
        """The state before the first round."""

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        """One round over at least one update, all of the same layout: the next state and the global parameters."""
