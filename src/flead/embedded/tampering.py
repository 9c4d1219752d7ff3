"""How updates may be changed on their way to the server, for the tables of `flead evaluate`: attacks, and noise."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from flead.evaluation.backtest import Sent
from flead.learning.learner import Learner, Parameters, flatten, unflatten
from flead.shard.private import Private

ATTACKS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "sign flip": lambda numbers: -numbers,
    "x 100": lambda numbers: 100.0 * numbers,
    "/ 100": lambda numbers: numbers / 100.0,
    "NaN": lambda numbers: np.full_like(numbers, np.nan),
    "constant 10": lambda numbers: np.full_like(numbers, 10.0),
}
"""What a hostile device sends in place of every number except its number of rows: too few would not be merged."""


def hostile(attack: str, devices: int) -> Sent:
    """The first ``devices`` devices attack; the server refuses invalid updates, as it does in the pipeline."""
    change = ATTACKS[attack]

    def sent(number: int, learner: Learner, parameters: Parameters, model: Parameters) -> Parameters | None:
        del model
        if number >= devices:
            return parameters
        changed = {name: array if name.startswith("rows ") else change(array) for name, array in parameters.items()}
        return changed if learner.misfit(changed) is None else None

    return sent


def private(clip: float, noise: float) -> Sent:
    """Every device makes its updates private. The seed is fixed: the table is to be the same the next time."""
    privacy = Private(clip, noise, seed=0)

    def sent(number: int, learner: Learner, parameters: Parameters, model: Parameters) -> Parameters:
        privacy.adopt(model)
        layout = {name: array.shape for name, array in parameters.items()}
        return unflatten(privacy.update(learner, flatten(parameters, layout), layout, str(number)), layout)

    return sent
