"""Write a strategy of your own, enter it in the registry, and compare it with FedAvg.

Run it with ``python examples/own_strategy.py``.

A strategy is what the server runs: updates in, global parameters out, and what it must remember as state that goes in
and comes out, so that a restart loses nothing. This one goes half of the way to the mean of the updates, so that no
single round can throw the global model over. A learner of your own goes into ``flead.learning.registry.LEARNERS``
likewise.
"""

from collections.abc import Sequence

from flead.federation.rounds import Rounds
from flead.learning.learner import Parameters
from flead.learning.strategies import DEFAULTS, STRATEGIES, Contribution, State, StrategyRules
from flead.learning.strategies.fedavg import FedAvg
from flead.learning.zscore.learner import ZScore
from flead.records import LocalUpdate


class HalfWay:
    """Half of the way from the last global model to the mean of the updates."""

    name = "half_way"

    def __init__(self, rules: StrategyRules = DEFAULTS) -> None:
        self.mean = FedAvg(rules)

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        _, mean = self.mean.step({}, updates)
        last = state.get("last", mean)
        merged = {name: (last[name] + mean[name]) / 2 for name in mean}
        return {"last": merged}, merged


STRATEGIES[HalfWay.name] = HalfWay


def update_of(device: int, version: int, weight: float) -> LocalUpdate:
    """What a device sends after its training number ``version``."""
    parameters = {"weights": [0.0, 0.0, weight], "bias": [-1.0]}
    return LocalUpdate(
        device_id=f"device_{device}", model_version=version, global_version=version - 1, accuracy=0.9, loss=0.3,
        samples_processed=50, parameters=parameters, timestamp="2025-11-07T15:22:31.000Z",
    )  # fmt: skip


for strategy in ("fedavg", "half_way"):
    rounds = Rounds(strategy, buffer=5, misfit=ZScore.misfit)
    weights = []
    for version, weight in enumerate([1.0, 9.0, 1.0, 1.0], start=1):  # in the second round all devices go astray
        updates = [update_of(device, version, weight) for device in range(5)]
        (model,) = [model for update in updates if (model := rounds.add(update))]  # the fifth device completes it
        weights.append(model.parameters["weights"][2])
    print(f"{strategy}: the weight of z after each round is {weights}")
