"""Rounds: local updates are buffered until enough different devices have spoken, then merged.

There is no round that a device can stall: whoever speaks is in the buffer, whoever does not is not waited
for, and a slow device's update counts less instead of being thrown away (see the strategy's discount).
"""

from typing import Any

import msgspec
import numpy as np

from flead.errors import FleadError
from flead.learning.learner import flatten
from flead.learning.strategies import STRATEGIES, Contribution
from flead.records import GlobalModel, LocalUpdate, Parameters

Layout = dict[str, tuple[int, ...]]


class _State(msgspec.Struct):
    version: int
    round: int
    strategy: dict[str, Any]
    buffer: list[LocalUpdate]


class Rounds:
    """The buffer and the strategy: :meth:`add` an update, and get a global model when it completes a round.

    ``layout`` is the model's (``Learner.layout``). FleadError, listing what there is, for an unknown strategy.
    """

    def __init__(self, strategy: str, buffer: int, layout: Layout) -> None:
        if strategy not in STRATEGIES:
            raise FleadError(f"no strategy {strategy!r}: there are {', '.join(sorted(STRATEGIES))}")
        self.strategy = STRATEGIES[strategy]()
        self.size = buffer
        self.layout = layout
        self.version = 0
        """The newest global model's version."""
        self.round = 0
        self._state = self.strategy.init()
        self._buffer: dict[str, LocalUpdate] = {}

    def refusal(self, update: LocalUpdate) -> str | None:
        """Why this is not an update of this model, or None if it is one."""
        if update.samples_processed < 1:
            return f"samples_processed is {update.samples_processed}, not at least 1"
        if not (0 <= update.accuracy <= 1) or not np.isfinite(update.loss):
            return f"accuracy {update.accuracy} or loss {update.loss} is out of range"
        if not 0 <= update.global_version <= self.version:
            return f"it started from global version {update.global_version}; the newest is {self.version}"
        try:
            flatten(_arrays(update.parameters), self.layout)
        except (ValueError, TypeError) as error:
            return str(error)
        return None

    def add(self, update: LocalUpdate) -> GlobalModel | None:
        """Take in an update that is none of ``refusal``'s; the global model if it was the one that was missing.

        A device's newer update replaces its older one: a round never counts a device twice.
        """
        self._buffer[update.device_id] = update
        return self._merge() if len(self._buffer) >= self.size else None

    def publish(self, parameters: Parameters, like: GlobalModel, timestamp: str) -> GlobalModel:
        """A new version with given parameters, as a rollback makes it; it is no round of its own."""
        self.version += 1
        return msgspec.structs.replace(
            like, version=self.version, aggregation_round=self.round, parameters=parameters, timestamp=timestamp
        )

    def _merge(self) -> GlobalModel:
        updates = list(self._buffer.values())
        contributions = [
            Contribution(_arrays(u.parameters), u.samples_processed, self.version - u.global_version) for u in updates
        ]
        self._state, parameters = self.strategy.step(self._state, contributions)
        self._buffer.clear()
        self.version += 1
        self.round += 1
        samples = sum(update.samples_processed for update in updates)
        return GlobalModel(
            version=self.version,
            aggregation_round=self.round,
            global_accuracy=sum(update.accuracy * update.samples_processed for update in updates) / samples,
            num_devices=len(updates),
            strategy=self.strategy.name,
            parameters={name: array.tolist() for name, array in parameters.items()},
            timestamp=max(update.timestamp for update in updates),
        )

    def strategy_state(self) -> bytes:
        """The strategy's memory as MessagePack."""
        return msgspec.msgpack.encode(self._state)

    def resume(self, model: GlobalModel, strategy_state: bytes | None) -> None:
        """Go on after this global model, with an empty buffer."""
        self.version, self.round = model.version, model.aggregation_round
        self._state = msgspec.msgpack.decode(strategy_state) if strategy_state else self.strategy.init()
        self._buffer.clear()

    def snapshot(self) -> bytes:
        """The state as MessagePack."""
        return msgspec.msgpack.encode(_State(self.version, self.round, self._state, list(self._buffer.values())))

    def restore(self, stored: bytes) -> None:
        """Go on from a snapshot of rounds of the same strategy."""
        state = msgspec.msgpack.decode(stored, type=_State)
        self.version, self.round, self._state = state.version, state.round, state.strategy
        self._buffer = {update.device_id: update for update in state.buffer}


def _arrays(parameters: Parameters) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    return {name: np.asarray(numbers, dtype=np.float64) for name, numbers in parameters.items()}
