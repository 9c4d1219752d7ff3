"""A strategy's memory in the server's rounds: stored, rebuilt, forgotten."""

import numpy as np
import pytest

from flead.federation.rounds import Rounds, strategy_rules_of
from flead.learning.strategies import STRATEGIES, StrategyRules
from flead.learning.zscore.learner import ZScore
from flead.records import GlobalModel, LocalUpdate
from flead.settings import load


def update(number: int, version: int, rng: np.random.Generator) -> LocalUpdate:
    parameters = {"weights": rng.normal(size=3).tolist(), "bias": rng.normal(size=1).tolist()}
    return LocalUpdate(f"device_{number}", 1, version, 0.5, 0.5, 50, parameters, "2025-01-01T00:00:00.000Z")


def play(rounds: Rounds, seed: int, updates: int) -> list[GlobalModel]:
    rng = np.random.default_rng(seed)
    made = (rounds.add(update(number % 7, rounds.version, rng)) for number in range(updates))
    return [model for model in made if model is not None]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_snapshot_goes_on_as_if_nothing_had_been(name: str) -> None:
    rounds, again = Rounds(name, 5, ZScore.misfit), Rounds(name, 5, ZScore.misfit)
    play(rounds, 1, 23)
    again.restore(rounds.snapshot())
    assert play(again, 2, 20) == play(rounds, 2, 20)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_model_and_its_state_go_on_as_if_nothing_had_been(name: str) -> None:
    rounds, again = Rounds(name, 5, ZScore.misfit), Rounds(name, 5, ZScore.misfit)
    models = play(rounds, 1, 20)
    again.resume(models[-1], rounds.strategy_state())
    assert play(again, 2, 20) == play(rounds, 2, 20)


def test_another_strategys_memory_is_none() -> None:
    momentum, adam = Rounds("fedavgm", 5, ZScore.misfit), Rounds("fedadam", 5, ZScore.misfit)
    models = play(momentum, 1, 20)
    adam.restore(momentum.snapshot())
    assert adam.version == momentum.version
    assert play(adam, 2, 5)[0].strategy == "fedadam"
    adam.resume(models[-1], momentum.strategy_state())
    assert play(adam, 2, 5)[0].strategy == "fedadam"


@pytest.mark.parametrize("name", STRATEGIES)
def test_after_a_rollback_nothing_pulls_back(name: str) -> None:
    """The next round after one is that of a server that has just begun."""
    rounds, fresh = Rounds(name, 5, ZScore.misfit), Rounds(name, 5, ZScore.misfit)
    models = play(rounds, 1, 20)
    rounds.publish(models[0].parameters, models[0], "2025-01-01T00:00:00.000Z")
    fresh.version = rounds.version
    assert play(rounds, 2, 5)[0].parameters == play(fresh, 2, 5)[0].parameters


def test_settings_reach_the_strategy() -> None:
    given = {"server_momentum": 0.5, "server_rate": 0.25, "second_momentum": 0.75, "adaptivity": 0.125, "hostile": 0.1}
    settings, _ = load({"strategy": "fedadam", **given})
    assert strategy_rules_of(settings) == StrategyRules(**given)
    assert strategy_rules_of(load({})[0]) == StrategyRules()
