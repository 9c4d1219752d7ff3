"""Statistics of peers: what the server remembers, and what it merges."""

import msgspec
import numpy as np

from flead.learning.kinds import by_kind, kind_name, layout_of
from flead.learning.learner import Parameters
from flead.learning.strategies.peers import Peers
from flead.learning.strategies.strategy import Contribution, State

MESSAGE = 1_000_000
"""Bytes: what a Kafka message may have."""


def told(kind: str, channels: int, rng: np.random.Generator) -> Parameters:
    statistics = {name: rng.uniform(0.5, 1.5, shape) for name, shape in layout_of(kind, channels).items()}
    return statistics | {f"rows {kind}": np.array([400.0])}


def size_of(state: State, model: Parameters) -> int:
    """Bytes of the message that a global model and the strategy's state are."""
    memory = {device: {name: array.tolist() for name, array in named.items()} for device, named in state.items()}
    return len(msgspec.msgpack.encode(memory)) + len(
        msgspec.json.encode({name: array.tolist() for name, array in model.items()})
    )


def test_however_many_kinds_there_are_they_fit_into_a_message() -> None:
    rng, strategy = np.random.default_rng(0), Peers()
    state = strategy.init()
    common = kind_name(f"common {number}" for number in range(8))
    for turn in range(30):
        kinds = [kind_name(f"sensor {turn} {number} {j}" for j in range(16)) for number in range(19)]
        updates = [Contribution(told(kind, 16, rng), 50, 0, f"device {kind}") for kind in kinds]
        updates.append(Contribution(told(common, 8, rng), 50, 0, f"common device {turn}"))
        state, model = strategy.step(state, updates)
        assert size_of(state, model) < 0.9 * MESSAGE
        # The kind with the most devices stays, beside the newest of those that nobody shares.
        assert common in by_kind(model)
        assert kinds[-1] in by_kind(model)
    assert float(model[f"peers {common}"][0]) > 1


def test_a_lie_about_experience_silences_nobody() -> None:
    """Peers of little experience are not asked; what is little is not for a few to say."""
    rng, strategy = np.random.default_rng(0), Peers()
    kind = kind_name(["flow"])
    honest = [Contribution(told(kind, 1, rng), 50, 0, f"device {number}") for number in range(80)]
    liars = [
        Contribution({**told(kind, 1, rng), f"rows {kind}": np.array([1e9]), f"variance {kind}": np.array([1e6])},
                     50, 0, f"liar {number}")
        for number in range(20)
    ]  # fmt: skip
    state = strategy.init()
    for turn in range(4):
        state, model = strategy.step(state, [*honest[turn::4], *liars[turn::4]])
    assert model[f"variance {kind}"][0] < 1.5
    assert sum(device.startswith("liar") for device in state) < len(state) / 3


def test_of_devices_that_know_nothing_yet_nobody_is_asked() -> None:
    rng, strategy = np.random.default_rng(0), Peers()
    kind = kind_name(["flow"])
    beginners = [
        Contribution({**told(kind, 1, rng), f"rows {kind}": np.array([0.0])}, 50, 0, f"device {number}")
        for number in range(3)
    ]
    assert strategy.step(strategy.init(), beginners)[1] == {}
