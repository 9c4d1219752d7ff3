"""Rounds: twenty different devices make a global model."""

from typing import Any

import msgspec
import pytest

from flead.errors import FleadError
from flead.federation.rounds import Rounds, rounds_of
from flead.learning.zscore.learner import ZScore
from flead.records import GlobalModel, LocalUpdate
from flead.settings import load


def update(device: int, version: int = 1, **changes: Any) -> LocalUpdate:
    fields = {
        "device_id": f"device_{device}",
        "model_version": version,
        "global_version": 0,
        "accuracy": 0.5,
        "loss": 0.7,
        "samples_processed": 50,
        "parameters": {"weights": [1.0, 2.0, 3.0], "bias": [float(device)]},
        "timestamp": f"2025-11-07T15:22:{device % 60:02d}.000Z",
    }
    return msgspec.convert(fields | changes, LocalUpdate)


def fill(rounds: Rounds, devices: range) -> list[GlobalModel]:
    return [model for device in devices if (model := rounds.add(update(device)))]


def test_the_twentieth_device_completes_a_round() -> None:
    rounds = Rounds("fedavg", 20, ZScore.misfit)
    assert fill(rounds, range(19)) == []
    # A device that speaks again takes its own place, not another's.
    assert rounds.add(update(0, version=2, parameters={"weights": [1.0, 2.0, 3.0], "bias": [100.0]})) is None
    model = rounds.add(update(19))
    assert model is not None
    assert (model.version, model.aggregation_round, model.num_devices) == (1, 1, 20)
    assert model.parameters["weights"] == pytest.approx([1, 2, 3])
    assert model.parameters["bias"] == pytest.approx([(100 + sum(range(1, 20))) / 20])
    assert model.timestamp == "2025-11-07T15:22:19.000Z"
    assert fill(rounds, range(20))[0].version == 2


def test_global_accuracy_counts_samples() -> None:
    rounds = Rounds("fedbuff", 2, ZScore.misfit)
    rounds.add(update(1, accuracy=1.0, samples_processed=30))
    model = rounds.add(update(2, accuracy=0.5, samples_processed=10))
    assert model is not None
    assert model.global_accuracy == pytest.approx((30 + 5) / 40)


def test_stale_updates_count_less_with_fedbuff_only() -> None:
    models = {}
    for strategy in ("fedavg", "fedbuff"):
        rounds = Rounds(strategy, 2, ZScore.misfit)
        for device in range(6):
            rounds.add(update(device))
        assert rounds.version == 3
        rounds.add(update(0, global_version=0, parameters={"weights": [0.0] * 3, "bias": [0.0]}))
        model = rounds.add(update(1, global_version=3, parameters={"weights": [0.0] * 3, "bias": [3.0]}))
        assert model is not None
        models[strategy] = model.parameters["bias"][0]
    assert models["fedavg"] == pytest.approx(1.5)
    assert models["fedbuff"] == pytest.approx(3 / (1 + 0.5))  # (1 + 3)^-0.5 = 1/2 against 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples_processed": 0}, "samples_processed"),
        ({"loss": float("inf")}, "loss"),
        ({"timestamp": "yesterday"}, "yesterday"),
        ({"global_version": 7}, "global version 7"),
        ({"parameters": {"weights": [1.0, 2.0], "bias": [0.0]}}, "weights"),
        ({"parameters": {"weights": [1.0, 2.0, float("nan")], "bias": [0.0]}}, "not finite"),
        ({"parameters": {"bias": [0.0]}}, "bias"),
    ],
)
def test_what_is_no_update_is_refused_with_its_reason(changes: dict[str, Any], said: str) -> None:
    rounds = Rounds("fedbuff", 2, ZScore.misfit)
    assert rounds.refusal(update(1)) is None
    assert said in (rounds.refusal(update(1, **changes)) or "")


@pytest.mark.parametrize("strategy", ["fedbuff", "fedavgm", "fedadam"])
def test_a_snapshot_goes_on_alike(strategy: str) -> None:
    whole = Rounds(strategy, 4, ZScore.misfit)
    fill(whole, range(6))
    restored = Rounds(strategy, 4, ZScore.misfit)
    restored.restore(whole.snapshot())
    assert fill(whole, range(6, 20)) == fill(restored, range(6, 20))


def test_going_on_after_a_global_model_begins_an_empty_buffer() -> None:
    whole = Rounds("fedavgm", 4, ZScore.misfit)
    newest = fill(whole, range(8))[-1]
    other = Rounds("fedavgm", 4, ZScore.misfit)
    other.resume(newest, whole.strategy_state())
    assert fill(whole, range(8, 16)) == fill(other, range(8, 16))


def test_a_rollback_is_a_version_of_its_own() -> None:
    rounds = Rounds("fedbuff", 2, ZScore.misfit)
    first = fill(rounds, range(4))[0]
    again = rounds.publish(first.parameters, first, "2025-11-07T16:00:00.000Z")
    assert (again.version, again.aggregation_round) == (3, 2)
    assert again.parameters == first.parameters
    assert again.restored_version == first.version


def test_what_was_buffered_before_a_rollback_is_forgotten() -> None:
    rounds = Rounds("fedbuff", 2, ZScore.misfit)
    first = fill(rounds, range(3))[0]
    rounds.publish(first.parameters, first, "2025-11-07T16:00:00.000Z")
    assert fill(rounds, range(1)) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [({"strategy": "hope"}, "no strategy 'hope': .*fedavg"), ({"learner": "hope"}, "no learner 'hope': .*zscore")],
)
def test_what_there_is_not_is_told_what_there_is(given: dict[str, str], said: str) -> None:
    with pytest.raises(FleadError, match=said):
        rounds_of(load(given)[0])


def test_the_learner_names_the_strategy_unless_it_is_set() -> None:
    assert rounds_of(load({})[0]).strategy.name == "fedbuff"
    assert rounds_of(load({"strategy": "median"})[0]).strategy.name == "median"


def test_statistics_are_merged_after_as_many_updates_whoever_they_are_from() -> None:
    rounds, again = Rounds("peers", 3, lambda parameters: None), Rounds("peers", 3, lambda parameters: None)
    told = [rounds.add(update(device, parameters={"spread": [float(device)]})) for device in (1, 1)]
    again.restore(rounds.snapshot())
    model = rounds.add(update(2, parameters={"spread": [2.0]}))
    assert told == [None, None]
    assert model is not None
    assert model.parameters == {"spread": [1.5]}
    assert again.add(update(2, parameters={"spread": [2.0]})) == model
    # A device that is not in the round is remembered.
    rounds.add(update(3, parameters={"spread": [9.0]}))
    rounds.add(update(3, parameters={"spread": [9.0]}))
    later = rounds.add(update(3, parameters={"spread": [3.0]}))
    assert later is not None
    assert later.parameters == {"spread": [2.0]}
