"""Write a strategy of your own, enter it in the registry, and see what it does against one mad device.

Run it with ``python examples/own_strategy.py``.

A strategy is what the server runs: updates in, global parameters out. This one takes the median of every parameter
(Yin, Chen, Ramchandran, Bartlett, "Byzantine-Robust Distributed Learning", ICML 2018), so that a few devices, however
wrong, cannot drag the global model away. A learner of your own goes into ``flead.learning.registry.LEARNERS`` likewise.
"""

from collections.abc import Sequence

import numpy as np

from flead.federation.rounds import Rounds
from flead.learning.learner import Parameters
from flead.learning.strategies import STRATEGIES, Contribution, State
from flead.records import LocalUpdate


class Median:
    """The median of every parameter, whatever the updates' samples and ages."""

    name = "median"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        names = updates[0].parameters
        return state, {name: np.median([update.parameters[name] for update in updates], axis=0) for name in names}


STRATEGIES[Median.name] = Median


def update_of(number: int, weight: float) -> LocalUpdate:
    """What device ``number`` sends after its first training."""
    parameters = {"weights": [0.0, 0.0, weight], "bias": [-1.0]}
    return LocalUpdate(
        device_id=f"device_{number}", model_version=1, global_version=0, accuracy=0.9, loss=0.3, samples_processed=50,
        parameters=parameters, timestamp="2025-11-07T15:22:31.000Z",
    )  # fmt: skip


for strategy in ("fedavg", "median"):
    rounds = Rounds(strategy, buffer=5, layout={"weights": (3,), "bias": (1,)})
    models = [rounds.add(update_of(number, weight)) for number, weight in enumerate([0.9, 1.0, 1.1, 1.0, 500.0])]
    model = models[-1]  # the fifth device completes the round
    assert model is not None
    print(f"{strategy}: the weight of z is {model.parameters['weights'][2]:.2f}")
