"""Rounds: local updates are buffered until enough different devices have sent one, then merged.

No device can stall a round: updates are buffered as they arrive, silent devices are not waited for, and a slow
device's update counts less instead of being discarded (see the strategy's discount).
"""

import math
from collections.abc import Callable
from typing import Any

import msgspec

from flead.errors import FleadError
from flead.learning import learner
from flead.learning.learner import arrays
from flead.learning.registry import LEARNERS
from flead.learning.strategies import DEFAULTS, STATISTICS, STRATEGIES, Contribution, State, StrategyRules
from flead.privacy.accountant import DELTA, epsilon_of
from flead.records import GlobalModel, LocalUpdate, Parameters, to_milliseconds
from flead.settings import ModelSettings
from flead.settings.federation import FederationSettings

Misfit = Callable[[learner.Parameters], str | None]
"""Why these are not parameters of the merged model, or None if they are: ``Learner.misfit``."""


class _State(msgspec.Struct):
    version: int
    round: int
    strategy: str
    strategy_state: dict[str, dict[str, Any]]
    buffer: list[LocalUpdate]
    taken: int = 0
    epsilon: float = 0.0
    """Updates since the last round, those that were replaced among them."""


def strategy_rules_of(settings: FederationSettings) -> StrategyRules:
    """The strategies' rules as they are set."""
    return StrategyRules(
        server_momentum=settings.server_momentum,
        server_rate=settings.server_rate,
        second_momentum=settings.second_momentum,
        adaptivity=settings.adaptivity,
        hostile=settings.hostile,
    )


def rounds_of(settings: ModelSettings) -> "Rounds":
    """The rounds of the learner and strategy that are set.

    FleadError for an unknown learner or strategy, and for a strategy that cannot merge what the learner shares.
    """
    if settings.learner not in LEARNERS:
        raise FleadError(f"no learner {settings.learner!r}: there are {', '.join(sorted(LEARNERS))}")
    chosen = LEARNERS[settings.learner]
    strategy = chosen.strategy if settings.strategy is None else settings.strategy
    rounds = Rounds(strategy, settings.buffer, chosen.misfit, strategy_rules_of(settings), settings.privacy_noise)
    if chosen.statistics != (strategy in STATISTICS):
        fitting = STATISTICS if chosen.statistics else STRATEGIES.keys() - STATISTICS
        shared = "statistics" if chosen.statistics else "weights"
        raise FleadError(
            f"strategy {strategy} cannot merge the {shared} that learner {chosen.name} shares: leave it unset "
            f"({chosen.strategy}), or set {' or '.join(sorted(fitting))}"
        )
    return rounds


class Rounds:
    """The buffer and the strategy: :meth:`add` an update, and get a global model when it completes a round.

    ``misfit`` is the learner's, ``noise`` that of private updates (0: they are not private). FleadError, listing
    the strategies, for an unknown one.
    """

    def __init__(
        self, strategy: str, buffer: int, misfit: Misfit, rules: StrategyRules = DEFAULTS, noise: float = 0.0
    ) -> None:
        if strategy not in STRATEGIES:
            raise FleadError(f"no strategy {strategy!r}: there are {', '.join(sorted(STRATEGIES))}")
        self.strategy = STRATEGIES[strategy](rules)
        self.size = buffer
        self._misfit = misfit
        self._noise = noise
        self._epsilon = 0.0
        if noise:
            epsilon_of(1.0, DELTA)  # a missing package is reported at the start
        self.version = 0
        """Version of the newest global model."""
        self.round = 0
        self._state = self.strategy.init()
        self._buffer: dict[str, LocalUpdate] = {}
        self._taken = 0

    def refusal(self, update: LocalUpdate) -> str | None:
        """Why this is not an update of this model, or None if it is one."""
        if update.samples_processed < 1:
            return f"samples_processed is {update.samples_processed}, not at least 1"
        if not (0 <= update.accuracy <= 1) or not math.isfinite(update.loss):
            return f"accuracy {update.accuracy} or loss {update.loss} is out of range"
        if not 0 <= update.global_version <= self.version:
            return f"it started from global version {update.global_version}; the newest is {self.version}"
        try:
            to_milliseconds(update.timestamp)
        except ValueError as error:
            return str(error)
        return self.misfit(update.parameters)

    def misfit(self, parameters: Parameters) -> str | None:
        """Why these are not parameters of the learner's models, or None if they are."""
        try:
            return self._misfit(arrays(parameters))
        except (ValueError, TypeError) as error:  # lists that are no arrays
            return str(error)

    def add(self, update: LocalUpdate) -> GlobalModel | None:
        """Add an update that ``refusal`` accepts; returns the global model if it completes the round.

        A device's newer update replaces its older one: a round never counts a device twice. Statistics can be merged
        from few devices, and the server remembers them: their rounds end after that number of updates from any devices,
        so that a few devices, or many that report one after another, learn from each other, too.
        """
        self._buffer[update.device_id] = update
        self._taken += 1
        count = self._taken if self.strategy.name in STATISTICS else len(self._buffer)
        return self._merge() if count >= self.size else None

    def publish(self, parameters: Parameters, like: GlobalModel, timestamp: str) -> GlobalModel:
        """A new version with given parameters, as made by a rollback; it does not count as a round.

        The strategy's state and the buffer are reset: neither may continue from the model that is abandoned.
        """
        self._state = self.strategy.init()
        self._buffer.clear()
        self._taken = 0
        self.version += 1
        return msgspec.structs.replace(
            like, version=self.version, aggregation_round=self.round, parameters=parameters, timestamp=timestamp,
            restored_version=like.version, epsilon=self._epsilon if self._noise else None,
        )  # fmt: skip

    def _merge(self) -> GlobalModel:
        updates = list(self._buffer.values())
        contributions = [
            Contribution(arrays(u.parameters), u.samples_processed, self.version - u.global_version, u.device_id)
            for u in updates
        ]
        self._state, parameters = self.strategy.step(self._state, contributions)
        self._buffer.clear()
        self._taken = 0
        self.version += 1
        self.round += 1
        samples = sum(update.samples_processed for update in updates)
        if self._noise:
            self._epsilon = max(self._epsilon, self._told(max(update.model_version for update in updates)))
        return GlobalModel(
            version=self.version,
            aggregation_round=self.round,
            global_accuracy=sum(update.accuracy * update.samples_processed for update in updates) / samples,
            num_devices=len(updates),
            strategy=self.strategy.name,
            parameters={name: array.tolist() for name, array in parameters.items()},
            timestamp=max(update.timestamp for update in updates),
            epsilon=self._epsilon if self._noise else None,
        )

    def _told(self, sent: int) -> float:
        """Epsilon of a device after this many updates, which is the version of its newest one."""
        return epsilon_of(sent * (2.0 / self._noise) ** 2, DELTA)

    def strategy_state(self) -> bytes:
        """The strategy's state as MessagePack."""
        return msgspec.msgpack.encode(_lists(self._state))

    def resume(self, model: GlobalModel, strategy_state: bytes | None) -> None:
        """Resume after this global model, with an empty buffer. Another strategy's state is ignored."""
        self.version, self.round = model.version, model.aggregation_round
        self._epsilon = model.epsilon or 0.0
        self._state = self.strategy.init()
        if strategy_state and model.strategy == self.strategy.name:
            self._state = _state(msgspec.msgpack.decode(strategy_state))
        self._buffer.clear()
        self._taken = 0

    def snapshot(self) -> bytes:
        """The state as MessagePack."""
        buffer = list(self._buffer.values())
        return msgspec.msgpack.encode(
            _State(
                self.version, self.round, self.strategy.name, _lists(self._state), buffer, self._taken, self._epsilon
            )
        )

    def restore(self, stored: bytes) -> None:
        """Resume from a snapshot. Another strategy's state is ignored."""
        state = msgspec.msgpack.decode(stored, type=_State)
        self.version, self.round = state.version, state.round
        same = state.strategy == self.strategy.name
        self._state = _state(state.strategy_state) if same else self.strategy.init()
        self._buffer = {update.device_id: update for update in state.buffer}
        self._taken = state.taken
        self._epsilon = state.epsilon


def _lists(state: State) -> dict[str, dict[str, Any]]:
    return {part: {name: array.tolist() for name, array in named.items()} for part, named in state.items()}


def _state(lists: dict[str, dict[str, Any]]) -> State:
    return {part: arrays(named) for part, named in lists.items()}
