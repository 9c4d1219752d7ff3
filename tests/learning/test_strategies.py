"""Figures by hand, and the contract that every strategy of the registry keeps."""

import copy
import math
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from flead.learning.strategies import STRATEGIES, Contribution, State, Strategy
from flead.learning.strategies.fedbuff import discount


def contribution(weights: Sequence[float], samples: int, staleness: int = 0) -> Contribution:
    return Contribution({"weights": np.array(weights)}, samples, staleness)


PUBLISHED = [
    contribution([0.45, 0.35, 0.25], 500),
    contribution([0.55, 0.25, 0.20], 400),
    contribution([0.48, 0.32, 0.23], 300),
]


@pytest.mark.parametrize("name", ["fedavg", "fedbuff"])
def test_the_published_average(name: str) -> None:
    """(225 + 220 + 144) / 1200 and so on: the published [.494, .323, .223] is an arithmetic slip."""
    strategy = STRATEGIES[name]()
    _, merged = strategy.step(strategy.init(), PUBLISHED)
    right = np.array([589, 371, 274]) / 1200
    assert np.abs(merged["weights"] - right).max() <= 2 * np.spacing(0.5)


def test_fedbuff_discounts_stale_updates() -> None:
    """Staleness 0, 3, 8 counts 1, 1/2, 1/3: (0 * 10 + 6 * 20 / 2 + 12 * 30 / 3) / (10 + 10 + 10) = 6."""
    updates = [contribution([0.0], 10, 0), contribution([6.0], 20, 3), contribution([12.0], 30, 8)]
    strategy = STRATEGIES["fedbuff"]()
    assert strategy.step(strategy.init(), updates)[1]["weights"][0] == pytest.approx(6.0, rel=1e-15)
    strategy = STRATEGIES["fedavg"]()
    assert strategy.step(strategy.init(), updates)[1]["weights"][0] == pytest.approx(8.0, rel=1e-15)


def test_the_discount() -> None:
    assert [discount(staleness) for staleness in (0, 3, 8, 99)] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 10], rel=1e-15)
    assert discount(1) == pytest.approx(1 / math.sqrt(2), rel=1e-15)


@pytest.fixture(params=STRATEGIES)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    made = STRATEGIES[request.param]()
    assert made.name == request.param
    return made


def round_of_updates(seed: int, devices: int = 20) -> list[Contribution]:
    rng = np.random.default_rng(seed)
    return [
        Contribution(
            {"weights": rng.normal(0, 1, (2, 3)), "bias": rng.normal(0, 1, 1)},
            int(rng.integers(1, 51)),
            int(rng.integers(0, 4)),
        )
        for _ in range(devices)
    ]


def rounds(strategy: Strategy, seeds: Sequence[int], state: State) -> tuple[State, list[Any]]:
    models = []
    for seed in seeds:
        state, model = strategy.step(state, round_of_updates(seed))
        models.append(model)
    return state, models


def bits(part: Any) -> Any:
    """Something that is equal to another's only if no bit of any array or number differs."""
    if isinstance(part, dict):
        return {name: bits(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [bits(value) for value in part]
    return part.tobytes() if isinstance(part, np.ndarray) else repr(part)


def test_a_global_model_has_the_shapes_of_the_updates(strategy: Strategy) -> None:
    _, model = strategy.step(strategy.init(), round_of_updates(0))
    assert {name: part.shape for name, part in model.items()} == {"weights": (2, 3), "bias": (1,)}
    assert all(part.dtype == np.float64 and np.isfinite(part).all() for part in model.values())


def test_the_same_updates_give_the_same_bits(strategy: Strategy) -> None:
    first, second = rounds(strategy, range(5), strategy.init()), rounds(strategy, range(5), strategy.init())
    assert bits(first) == bits(second)


def test_a_stored_state_goes_on_with_the_same_bits(strategy: Strategy) -> None:
    state, _ = rounds(strategy, range(3), strategy.init())
    thawed, again = pickle.loads(pickle.dumps((strategy, state)))
    assert bits(rounds(thawed, range(3, 6), again)) == bits(rounds(strategy, range(3, 6), state))


def test_the_state_is_plain_data(strategy: Strategy) -> None:
    def plain(part: Any) -> bool:
        if isinstance(part, dict):
            return all(isinstance(name, str) and plain(value) for name, value in part.items())
        if isinstance(part, list | tuple):
            return all(plain(value) for value in part)
        return part is None or isinstance(part, bool | int | float | str | np.ndarray)

    assert plain(strategy.init())
    assert plain(rounds(strategy, range(3), strategy.init())[0])


def test_nothing_that_goes_in_is_changed(strategy: Strategy) -> None:
    state, _ = rounds(strategy, range(2), strategy.init())
    updates = round_of_updates(9)
    for update in updates:
        for part in update.parameters.values():
            part.flags.writeable = False
    before = bits((state, updates))
    _, model = strategy.step(state, updates)
    assert bits((state, updates)) == before
    assert not any(np.shares_memory(model["weights"], update.parameters["weights"]) for update in updates)


def test_a_lone_update_is_copied(strategy: Strategy) -> None:
    [update] = updates = round_of_updates(0, devices=1)
    kept = copy.deepcopy(update)
    _, model = strategy.step(strategy.init(), updates)
    for part in model.values():
        part[...] = 0.0
    assert update.parameters["weights"].tolist() == kept.parameters["weights"].tolist()


def test_the_order_of_updates_matters_no_more_than_rounding(strategy: Strategy) -> None:
    updates = round_of_updates(3)
    _, model = strategy.step(strategy.init(), updates)
    for seed in range(5):
        shuffled = [updates[i] for i in np.random.default_rng(seed).permutation(len(updates))]
        _, other = strategy.step(strategy.init(), shuffled)
        for name, part in model.items():
            np.testing.assert_allclose(other[name], part, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("devices", [1, 2, 20, 1000])
def test_identical_updates_give_themselves_back(strategy: Strategy, devices: int) -> None:
    [update] = round_of_updates(4, devices=1)
    updates = [update._replace(samples=1 + i % 50, staleness=i % 7) for i in range(devices)]
    _, model = strategy.step(strategy.init(), updates)
    for name, part in update.parameters.items():
        np.testing.assert_allclose(model[name], part, rtol=1e-13)
