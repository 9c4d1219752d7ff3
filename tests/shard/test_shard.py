"""The shard's edges: what it refuses, and what it keeps when it grows."""

import numpy as np
import pytest

from flead.columns import Batch
from flead.errors import FleadError
from flead.records import GlobalModel
from flead.settings import Settings
from flead.shard.shard import BLOCK, Shard
from flead.shard.state import snapshot


def a_batch(rows: list[int], values: list[list[float]]) -> Batch:
    count = len(rows)
    return Batch(
        np.array(rows, np.int32),
        np.arange(count, dtype=np.int64),
        np.array(values, np.float64).reshape(count, -1),
        np.full(count, -1, np.int8),
    )


def a_shard(devices: int = 2, channels: tuple[str, ...] = ("pressure", "flow")) -> Shard:
    shard = Shard(Settings())
    shard.devices.add([f"device_{row}" for row in range(devices)], channels)
    return shard


def test_a_learner_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(FleadError, match=r"no learner 'none'.*logistic.*zscore"):
        Shard(Settings(learner="none"))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1.1e100, -1e200])
def test_what_is_no_measurement_is_refused_and_changes_nothing(value: float) -> None:
    shard = a_shard()
    shard.observe(a_batch([0, 1], [[1, 2], [3, 4]]))
    before = snapshot(shard)
    with pytest.raises(ValueError, match="reading 1 of the batch, of device_1, is no measurement"):
        shard.observe(a_batch([0, 1], [[1, 2], [np.nan, value]]))
    shard.touched[:1] = True
    assert snapshot(shard) == before


def test_a_reading_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="reading 0 of the batch, of device_1, is no measurement"):
        a_shard().observe(a_batch([1], [[np.nan, np.nan]]))


@pytest.mark.parametrize(("row", "values"), [(2, [1.0]), (-1, [1.0]), (0, [1.0, 2.0, 3.0])])
def test_devices_and_channels_that_the_table_lacks_are_refused(row: int, values: list[float]) -> None:
    with pytest.raises(ValueError, match="does not have"):
        a_shard().observe(a_batch([row], [values]))


def test_the_largest_measurements_are_taken() -> None:
    shard = a_shard(1, ("value",))
    for value in [1e100, -1e100, 1e100, 0.0, 5e-324] * 30:
        judgement = shard.observe(a_batch([0], [[value]])).judgement
        assert np.isfinite(judgement.z).all()
        assert np.isfinite(judgement.std).all()


def test_an_empty_batch_is_nothing() -> None:
    nothing = Batch(np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, 1)), np.empty(0, np.int8))
    outcome = Shard(Settings()).observe(nothing)
    assert (len(outcome.judgement.z), len(outcome.anomalies), len(outcome.trained.rows)) == (0, 0, 0)


def test_only_a_newer_global_model_is_adopted() -> None:
    shard = a_shard()
    for version, newest in [(3, 3), (2, 3), (3, 3), (4, 4)]:
        parameters = {"weights": [float(version)] * 3, "bias": [0.0]}
        shard.adopt(GlobalModel(version, 1, 0.5, 1, "fedavg", parameters, "2025-11-07T15:22:31.000Z"))
        assert shard.global_model is not None
        assert shard.global_model.version == newest
        assert shard.global_model.parameters["weights"][0] == newest


def test_a_global_model_that_does_not_fit_is_refused_and_the_former_stays() -> None:
    shard = a_shard()
    fitting = GlobalModel(1, 1, 0.5, 1, "fedavg", {"weights": [1, 2, 3], "bias": [4]}, "2025-11-07T15:22:31.000Z")
    shard.adopt(fitting)
    with pytest.raises(ValueError, match="weights"):
        shard.adopt(GlobalModel(2, 1, 0.5, 1, "fedavg", {"weights": [1, 2], "bias": [4]}, "2025-11-07T15:22:31.000Z"))
    assert shard.global_model is fitting


def test_brokers_go_with_the_devices() -> None:
    shard = Shard(Settings(brokers=2, devices_per_broker=3))
    for number in range(9):
        shard.devices.add([f"device_{number}"])
        shard.grow()
    assert shard.brokers.tolist() == [1, 1, 1, 2, 2, 2, 1, 1, 1]


def test_wider_devices_cost_no_rooms_for_more_devices() -> None:
    shard = a_shard(1000, ("c0",))
    shard.grow()
    for width in range(2, 10):
        shard.devices.add(["device_0"], tuple(f"c{number}" for number in range(width)))
        shard.grow()
    assert {len(column) for column in shard.learner.columns().values()} == {1000}


def test_a_device_costs_at_most_1200_bytes() -> None:
    count = 20_000
    shard = a_shard(count, ("value",))
    snapshot(shard)
    columns = [*shard.learner.columns().values(), *shard.schedule.columns().values(), *shard.devices.ids.arrays()]
    assert sum(column.nbytes for column in columns) + 8 * count < 1200 * count
    assert len(shard.touched) == -(-count // BLOCK)
