"""The other learners on Flink, bit for bit as in this process: several channels, peers, a change of learner."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from flead.columns import Batch
from flead.placement import partition_of
from flead.records import Anomaly, GlobalModel, LocalUpdate, Reading, to_text
from flead.settings import Settings
from flead.shard.outputs import anomalies, local_updates
from flead.shard.shard import Shard
from flead.shard.state import restore, snapshot
from tests.platform_fixtures import eventually, platform_settings, require_platform
from tests.shard.streams import CHANNELS, START, fitting

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from tests.platform.whole.fleet import Seen

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

IDS = [f"device_{number}" for number in range(400)]
NAMES = CHANNELS[:3]
MODEL = GlobalModel(5, 5, 0.5, 20, "peers", {}, to_text(START))
PROBED = START - 36_000_000
"""Event time of what is said to find out whether the training knows the global model: long before the rest."""


Records = dict[tuple[type, str, str], Anomaly | LocalUpdate]


def by_key(records: Iterable[Anomaly | LocalUpdate]) -> Records:
    return {(type(record), record.device_id, record.timestamp): record for record in records}


class Speech:
    """Readings of three channels, some of them missing; ``step`` says what a shard in this process makes of them."""

    def __init__(self) -> None:
        self.second = 0
        self._chance = np.random.default_rng(4)
        self._level = self._chance.normal(0, 0.2, (len(IDS), len(NAMES)))

    def step(self) -> Batch:
        count, chance = len(IDS), self._chance
        self._level += chance.normal(0, 0.05, self._level.shape)
        values = (20 + self._level + chance.normal(0, 1, self._level.shape)).round(6)
        values[chance.random(count) < 0.02] += 6
        if self.second:  # a device's first reading names its channels
            values[chance.random((count, len(NAMES))) < 0.05] = np.nan
            values[np.isnan(values).all(axis=1), 0] = 20.0
        now = START + 1000 * self.second
        self.second += 1
        rows = np.arange(count, dtype=np.int32)
        return Batch(rows, np.full(count, now), values, np.full(count, -1, np.int8))


def encoded(device: str, time: int, values: list[float]) -> bytes:
    data = {name: value for name, value in zip(NAMES, values, strict=True) if value == value}  # NaN is not itself
    return msgspec.json.encode(Reading(device, data, to_text(time)))


def sent(producer: "Producer", settings: Settings, batch: Batch) -> None:
    from flead.topics import READINGS

    for device, time, values in zip(IDS, batch.times.tolist(), batch.values.tolist(), strict=True):
        place = partition_of(device, settings.partitions, settings.brokers, settings.devices_per_broker)
        producer.produce(READINGS, encoded(device, time, values), device, partition=place)
    producer.poll(0)


def told(producer: "Producer", settings: Settings, seen: "Seen", model: GlobalModel) -> None:
    """Publish a global model and wait until every partition trains with it: devices of one word a minute tell."""
    from flead.topics import GLOBAL_MODELS, READINGS

    producer.produce(GLOBAL_MODELS, msgspec.json.encode(model), str(model.version), partition=0)
    minute = 0

    def known() -> bool:
        nonlocal minute
        for partition in range(settings.partitions):
            text = encoded(f"probe_{partition}", PROBED + 61_000 * minute, [20.0, 20.0, 20.0])
            producer.produce(READINGS, text, partition=partition)
        producer.flush(60)
        minute += 1
        seen.look()
        new = {device for (device, _), update in seen.updates.items() if update.global_version == model.version}
        return len(new) == settings.partitions

    eventually(known, 180)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Settings]:
    require_platform()
    from flead.stack import down

    settings = platform_settings(
        tmp_path,
        brokers=1,
        partitions=4,
        learner="drift",
        training_rows=60,
        alarms_per_day=100,
        readings_per_day=1440,
        checkpoint_seconds=1,
    )
    yield settings
    down(settings)


def test_drift_and_then_tail_bit_for_bit(platform: Settings) -> None:
    from confluent_kafka import Producer

    from flead.stack import down, up
    from tests.platform.whole.fleet import Seen

    speech, expected = Speech(), Records()
    shard = Shard(platform)
    shard.devices.add(IDS, NAMES)

    def speak(producer: Producer, settings: Settings, seconds: int) -> None:
        for batch in (speech.step() for _ in range(seconds)):
            sent(producer, settings, batch)
            outcome = shard.observe(batch)
            expected.update(by_key(chain(anomalies(shard, outcome), local_updates(shard, outcome))))
        assert producer.flush(60) == 0

    def found(seen: Seen) -> Records:
        seen.look()
        assert seen.twice == []
        records = by_key(chain(seen.anomalies.values(), seen.updates.values()))
        return {key: record for key, record in records.items() if not record.device_id.startswith("probe")}

    assert up(platform, ["training"], seconds=300)
    producer = Producer({"bootstrap.servers": platform.kafka_servers, "enable.idempotence": True, "linger.ms": 20})
    seen = Seen(platform)
    try:
        model = fitting(MODEL, shard)
        told(producer, platform, seen, model)
        shard.adopt(model)
        speak(producer, platform, 130)
        eventually(lambda: len(found(seen)) >= len(expected), 180)
        assert found(seen) == expected
        assert any(isinstance(record, LocalUpdate) and record.global_version == 5 for record in expected.values())
        drifted = sum(kind is Anomaly for kind, *_ in expected)
        assert drifted > 100

        # Another learner, as after flead up --forget-training: the devices learn anew and count on.
        assert down(platform)
        changed = platform.model_copy(update={"learner": "tail"})
        assert up(changed, ["training"], seconds=300)
        stored, shard = snapshot_of(shard), Shard(changed)
        assert "learner drift, not tail" in (restore(shard, stored, anew=True) or "")
        speak(producer, changed, 150)
        eventually(lambda: len(found(seen)) >= len(expected), 180)
        assert found(seen) == expected
        assert sum(kind is Anomaly for kind, *_ in expected) > drifted + 20
    finally:
        seen.close()


def snapshot_of(shard: Shard) -> dict[str, bytes]:
    """All of its state, not only what has changed."""
    shard.touched[:] = True
    shard.model_touched = True
    return snapshot(shard)
