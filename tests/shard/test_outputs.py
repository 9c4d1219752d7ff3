"""A shard's outcome as records: the same numbers, named."""

import numpy as np
import pytest

from flead.codec.encode import encode_lines
from flead.columns import Batch
from flead.records import to_text
from flead.settings import Settings
from flead.shard.outputs import anomalies, local_updates
from flead.shard.shard import Outcome, Shard
from tests.shard.streams import CHANNELS, START, register, stream


def observed(settings: Settings, seed: int = 7) -> tuple[Shard, Outcome]:
    whole = stream(seed, 3000, devices=5, channels=3)
    shard = Shard(settings)
    register(shard, whole)
    return shard, shard.observe(whole.batch)


@pytest.mark.parametrize("learner", ["zscore", "logistic"])
def test_every_flagged_reading_is_an_anomaly(learner: str) -> None:
    shard, outcome = observed(Settings(learner=learner, devices_per_broker=2))
    batch, judgement = outcome.batch, outcome.judgement
    records = anomalies(shard, outcome)
    assert len(records) == len(outcome.anomalies) > 3
    for at, record in zip(outcome.anomalies.tolist(), records, strict=True):
        row, channel = int(batch.rows[at]), int(judgement.channel[at])
        assert (record.device_id, record.broker_id) == (f"device_{row}", row // 2 % 4 + 1)
        assert (record.channel, record.value) == (CHANNELS[channel], batch.values[at, channel])
        assert (record.mean, record.std) == (judgement.mean[at, channel], judgement.std[at, channel])
        assert record.z_score == judgement.z[at]
        assert record.mean is not None
        assert record.value is not None
        assert record.z_score * (record.std or 0) == pytest.approx(record.value - record.mean)
        assert record.severity == ("critical" if judgement.score[at] > shard.learner.critical else "warning")
        assert (record.detector, record.threshold) == (learner, shard.learner.threshold)
        assert record.timestamp == to_text(int(batch.times[at]))
    if learner == "zscore":
        assert {record.channel for record in records} == set(CHANNELS[:3])
        assert {record.severity for record in records} == {"warning", "critical"}


def test_every_training_is_a_local_update() -> None:
    shard, outcome = observed(Settings())
    trained, updates = outcome.trained, outcome.trained.updates
    records = local_updates(shard, outcome)
    assert len(records) == len(trained.rows) > 20
    for k, record in enumerate(records):
        assert (record.device_id, record.model_version) == (f"device_{trained.rows[k]}", trained.model_versions[k])
        assert (record.accuracy, record.loss) == (updates.accuracy[k], updates.loss[k])
        assert (record.samples_processed, record.global_version) == (trained.samples[k], updates.global_versions[k])
        assert [*record.parameters["weights"], *record.parameters["bias"]] == updates.parameters[k].tolist()
        assert list(map(len, record.parameters.values())) == [3, 1]
        assert record.timestamp == to_text(int(trained.times[k]))


def test_nothing_comes_of_nothing() -> None:
    shard = Shard(Settings())
    outcome = shard.observe(Batch(np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, 1)), np.empty(0, np.int8)))
    assert (anomalies(shard, outcome), local_updates(shard, outcome)) == ([], [])


@pytest.mark.parametrize("features", ["raw", "scaled"])
@pytest.mark.parametrize("learner", ["zscore", "logistic"])
def test_the_largest_measurements_leave_no_number_that_json_lacks(learner: str, features: str) -> None:
    shard = Shard(Settings(learner=learner, features=features, learning_rate=10.0, supervised=True))
    shard.devices.add(["a"])
    rng = np.random.default_rng(1)
    values = rng.choice([1e100, -1e100, 0.0, 1e-300, 1.0], (5000, 1))
    values[:200] = 1.0  # then a jump from the smallest deviation there is
    batch = Batch(
        np.zeros(5000, np.int32), START + np.arange(5000) * 1000, values, rng.integers(0, 2, 5000).astype(np.int8)
    )
    outcome = shard.observe(batch)
    text = encode_lines(anomalies(shard, outcome)) + encode_lines(local_updates(shard, outcome))
    assert text.count(b"\n") > 50
    assert b"null" not in text
