"""What differential privacy costs: F1 of the global models beside epsilon, by noise and number of devices, as JSON.

    python -m benchmarks.privacy

``updates`` is epsilon to who sees every update, ``models`` to who sees global models alone, after ``rounds`` updates of
every device. ``null``: no noise, no promise; there the updates are only clipped.
"""

import json
from typing import Any

import numpy as np

from benchmarks.labelled_fleet import play
from flead.learning.learner import flatten, unflatten
from flead.learning.metrics import Confusion
from flead.learning.privacy import noise_of, private
from flead.learning.zscore.logistic import LAYOUT
from flead.privacy.accountant import DELTA, Accountant
from flead.records import GlobalModel, LocalUpdate

CLIP = 0.5
"""About the length of an update's difference from the model it started from, in this fleet."""


def measured(noise: float, devices: int, rounds: int, seeds: int) -> dict[str, Any]:
    """F1, and what every device has told by the end."""
    counts = Confusion()
    for seed in range(seeds):

        def sent(device: int, update: LocalUpdate, model: GlobalModel | None, seed: int = seed) -> LocalUpdate:
            start = {name: np.zeros(shape) for name, shape in LAYOUT.items()}
            if model is not None:
                start = {name: np.asarray(numbers) for name, numbers in model.parameters.items()}
            found = {name: np.asarray(numbers) for name, numbers in update.parameters.items()}
            own, known = flatten(found, LAYOUT), flatten(start, LAYOUT)
            told = private(own, known, CLIP, noise, noise_of(b"%d" % seed, str(device), own, known))
            update.parameters = {name: part.tolist() for name, part in unflatten(told, LAYOUT).items()}
            return update

        counts = counts.plus(play("fedavg", sent, devices=devices, rounds=rounds, seed=seed))
    result: dict[str, Any] = {"noise": noise, "devices": devices, "rounds": rounds, "f1": round(counts.f1, 3)}
    if noise == 0:
        return {**result, "updates": None, "models": None}
    accountant = Accountant(noise)
    for _ in range(rounds):
        accountant.sent(["device"])
        accountant.merged({"device": 1.0, **{f"other_{number}": 1.0 for number in range(1, devices)}})
    told = accountant.epsilon("device")
    return {**result, "updates": round(told.updates, 2), "models": round(told.models, 2)}


def table(seeds: int = 3) -> list[dict[str, Any]]:
    """One row for every noise and number of devices."""
    return [measured(noise, devices, 60, seeds) for devices in (20, 200, 1000) for noise in (0.0, 1.0, 4.0, 16.0, 64.0)]


if __name__ == "__main__":
    print(json.dumps({"clip": CLIP, "delta": DELTA, "rows": table()}, indent=1))
