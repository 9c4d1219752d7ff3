"""What hostile devices do to the global model, by strategy: a table of F1, as JSON.

    python -m benchmarks.poison

Four of twenty devices are hostile, so that 4 of every round's 20 updates are. ``clean`` is without hostility.
"""

import json
from collections.abc import Callable

from benchmarks.labelled_fleet import play
from flead.learning.metrics import Confusion
from flead.learning.strategies import STATISTICS, STRATEGIES
from flead.records import GlobalModel, LocalUpdate

HOSTILE = 4

ATTACKS: dict[str, Callable[[float], float]] = {
    "clean": lambda number: number,
    "sign flip": lambda number: -number,
    "x100": lambda number: 100 * number,
    "NaN": lambda number: float("nan"),
    "constant": lambda number: 10.0,
    "label flip": lambda number: number,  # the devices' labels are what is flipped
}


def f1(strategy: str, attack: str, seeds: int) -> float:
    """F1 of the global models on the honest devices' readings, over all seeds together."""
    change, counts = ATTACKS[attack], Confusion()

    def sent(device: int, update: LocalUpdate, model: GlobalModel | None) -> LocalUpdate:
        if device < HOSTILE:
            update.parameters = {name: [change(n) for n in numbers] for name, numbers in update.parameters.items()}
        return update

    for seed in range(seeds):
        counts = counts.plus(play(strategy, sent, seed=seed, hostile=HOSTILE, flip=attack == "label flip"))
    return counts.f1


def table(strategies: list[str], seeds: int = 5) -> dict[str, dict[str, float]]:
    """F1 by strategy and attack."""
    return {name: {attack: round(f1(name, attack, seeds), 3) for attack in ATTACKS} for name in strategies}


if __name__ == "__main__":
    print(json.dumps(table(sorted(STRATEGIES.keys() - STATISTICS)), indent=1))
