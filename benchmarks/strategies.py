"""How fast updates are merged, by strategy and beside Flower, as JSON.

    python -m benchmarks.strategies

FedAvg and Flower's take turns, so that both meet the same machine. Flower has an environment of its own: a Python with
requirements/bench-flower.txt, which FLEAD_FLOWER_PYTHON names; without one its figures are ``null``.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from flead.learning.strategies import STRATEGIES, Contribution, Strategy
from tests.strategies.peer import ask_flower, flower_python

UPDATES, LARGE = 20, 100_000
TURNS = 3


def updates(sizes: dict[str, int]) -> list[Contribution]:
    """A round's worth of random updates."""
    rng = np.random.default_rng(0)
    return [
        Contribution({name: rng.normal(size=size) for name, size in sizes.items()}, 50 + number, number % 3)
        for number in range(UPDATES)
    ]


def best_seconds(strategy: Strategy, rows: Sequence[Contribution], rounds: int) -> float:
    """The shortest of so many rounds, each from the state after the first."""
    state, _ = strategy.step(strategy.init(), rows)
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        strategy.step(state, rows)
        best = min(best, time.perf_counter() - started)
    return best


def measure() -> dict[str, Any]:
    """Seconds a round of 20 updates: ``large`` of 100,000 parameters each, ``small`` of 4 in two arrays."""
    large, small = updates({"w": LARGE}), updates({"weights": 3, "bias": 1})
    python = flower_python()
    request = {"job": "speed", "strategy": "FedAvg", "arguments": {}, "updates": UPDATES, "size": LARGE, "rounds": 40}
    ours, theirs = [], []
    for _ in range(TURNS):
        ours.append(best_seconds(STRATEGIES["fedavg"](), large, 500))
        if python is not None:
            theirs.append(ask_flower(python, request))
    fedavg = min(ours)
    flower = {part: min(turn[part] for turn in theirs) for part in theirs[0]} if theirs else None
    return {
        "updates": UPDATES,
        "parameters": LARGE,
        "fedavg_rounds_per_second": 1 / fedavg,
        "fedavg_bytes_per_second": 8 * UPDATES * LARGE / fedavg,
        "flower_seconds": flower,
        "times_flower": flower and {part: seconds / fedavg for part, seconds in flower.items()},
        "large": {name: best_seconds(STRATEGIES[name](), large, 30) for name in STRATEGIES},
        "small": {name: best_seconds(STRATEGIES[name](), small, 2000) for name in STRATEGIES},
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
