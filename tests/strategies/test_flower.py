"""The same updates through Flower's strategies: FLEAD's models are theirs, to 1e-6."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flead.learning.learner import Parameters
from flead.learning.strategies import STRATEGIES, Contribution, State, StrategyRules
from tests.strategies.peer import VARIABLE, ask_flower, flower_python

ROUNDS, DEVICES = 4, 11
BETA1, BETA2, TAU, RATE = 0.9, 0.99, 1e-3, 0.05
ADAPTIVE = {"eta": RATE, "beta_1": BETA1, "beta_2": BETA2, "tau": TAU}
RULES = StrategyRules(server_momentum=BETA1, server_rate=RATE, second_momentum=BETA2, adaptivity=TAU, hostile=2.5 / 11)


def same(number: int) -> StrategyRules:
    return RULES


def with_correction(number: int) -> StrategyRules:
    """Flower's FedAdam corrects the bias of the first rounds, the paper's does not: as a rate that changes."""
    correction = math.sqrt(1 - BETA2 ** (number + 1)) / (1 - BETA1 ** (number + 1))
    return StrategyRules(**{**_fields(RULES), "server_rate": RATE * correction})


def without_momentum(number: int) -> StrategyRules:
    """Flower's FedAdagrad has none."""
    return StrategyRules(**{**_fields(RULES), "server_momentum": 0.0})


def _fields(rules: StrategyRules) -> dict[str, float]:
    return {name: getattr(rules, name) for name in StrategyRules.__dataclass_fields__}


Rules = Callable[[int], StrategyRules]
PAIRS: dict[str, tuple[str, dict[str, Any], Rules, bool]] = {
    # FLEAD's name: Flower's, its arguments, FLEAD's rules in a round, whether updates have samples of their own.
    "fedavg": ("FedAvg", {}, same, True),
    "fedbuff": ("FedAvg", {}, same, True),
    "fedprox": ("FedProx", {"proximal_mu": 1.0}, same, True),
    "fedavgm": ("FedAvgM", {"server_momentum": BETA1}, same, True),
    "fedadagrad": ("FedAdagrad", {"eta": RATE, "tau": TAU}, without_momentum, True),
    "fedadam": ("FedAdam", ADAPTIVE, with_correction, True),
    "fedyogi": ("FedYogi", ADAPTIVE, same, True),
    "median": ("FedMedian", {}, same, True),
    "trimmed_mean": ("FedTrimmedAvg", {"beta": 2.5 / 11}, same, True),
    "krum": ("Krum", {"num_malicious_nodes": 2}, same, True),
    # Flower weights the updates that it has chosen by their samples.
    "multi_krum": ("MultiKrum", {"num_malicious_nodes": 2, "num_nodes_to_select": 9}, same, False),
}


@pytest.fixture(scope="module")
def python() -> Path:
    found = flower_python()
    if found is None:
        pytest.skip(f"no Flower: {VARIABLE} names no Python (see requirements/bench-flower.txt)")
    return found


def start(name: str, model: Parameters) -> State:
    """A state as if the model had been the last round's and nothing had moved yet, as Flower begins."""
    zeros = {part: np.zeros_like(array) for part, array in model.items()}
    if name == "fedavgm":
        return {"model": model, "momentum": zeros}
    adaptive = name in ("fedadagrad", "fedadam", "fedyogi")
    return {"model": model, "momentum": zeros, "variance": zeros} if adaptive else {}


@pytest.mark.real
@pytest.mark.parametrize("name", PAIRS)
def test_same_updates_same_models(name: str, python: Path) -> None:
    theirs, arguments, rules, own_samples = PAIRS[name]
    rng = np.random.default_rng(7)
    model = {"weights": rng.normal(size=(2, 3)), "bias": rng.normal(size=1)}
    rounds = [
        [
            Contribution(
                {part: array + rng.normal(0.1, 0.3, array.shape) for part, array in model.items()},
                int(rng.integers(1, 60)) if own_samples else 10,
                0,
            )
            for _ in range(DEVICES)
        ]
        for _ in range(ROUNDS)
    ]
    request = {
        "job": "rounds",
        "strategy": theirs,
        "arguments": arguments,
        "model": _lists(model),
        "rounds": [[(_lists(update.parameters), update.samples) for update in updates] for updates in rounds],
    }
    state = {} if name in ("fedavg", "fedbuff", "fedprox") else start(name, model)
    state = start(name, model)
    for number, (updates, expected) in enumerate(zip(rounds, ask_flower(python, request), strict=True), 1):
        state, ours = STRATEGIES[name](rules(number)).step(state, updates)
        for part, array in ours.items():
            np.testing.assert_allclose(array, expected[part], rtol=0, atol=1e-6)


def _lists(parameters: Parameters) -> dict[str, Any]:
    return {name: array.tolist() for name, array in parameters.items()}
