"""The producer on real Kafka: every reading once, in its place and its order, one a message or packed."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flead.codec.decode import Decoder
from flead.columns import Batch, Devices
from flead.ingest.sources import make_source
from flead.placement import partition_of
from flead.settings import Settings
from tests.platform_fixtures import eventually, in_a_thread, messages_of, require_platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@contextmanager
def producing(settings: Settings, stored: Path) -> Iterator[Any]:
    """A producer at work in a thread; stopped with the block."""
    from flead.bus.service import Service
    from flead.platform.producer import ReadingsProducer

    service = Service("producer")
    producer = ReadingsProducer(settings, stored, service)

    with in_a_thread(service, producer.run):
        yield producer


Found = dict[str, list[tuple[int, bytes]]]


def grouped(devices: Devices, batch: Batch) -> Found:
    """Every device's times and values in their order."""
    found = defaultdict(list)
    for device, moment, values in zip(devices.texts(batch.rows), batch.times.tolist(), batch.values, strict=True):
        found[device].append((moment, values[~np.isnan(values)].tobytes()))
    return found


def expected(settings: Settings) -> Found:
    devices, source = Devices(), make_source(settings)
    source.open(devices, None)
    chunk = source.next_batch(settings.readings or 0, None)
    assert chunk is not None
    return grouped(devices, chunk.batch)


def by_device(messages: list[Any]) -> Found:
    devices = Devices()
    return grouped(devices, Decoder(devices).messages([message.value() for message in messages]).batch)


def sent(settings: Settings) -> int:
    return sum((message.value() or b"").count(b"\n") + 1 for message in messages_of(settings, "edge-iiot-stream"))


@pytest.mark.parametrize("pack", [1, 100])
def test_every_reading_once_in_its_partition(topics: Settings, tmp_path: Path, pack: int) -> None:
    require_platform()
    count = 20_000
    settings = topics.model_copy(update={"speed": "max", "readings": count, "devices": 700, "pack": pack})
    with producing(settings, tmp_path / "position.json"):
        eventually(lambda: sent(settings) >= count)
    messages = messages_of(settings, "edge-iiot-stream")
    assert len(messages) == count if pack == 1 else len(messages) < count / 50

    assert by_device(messages) == expected(settings)
    for message in messages:
        ids = {json.loads(line)["device_id"] for line in message.value().splitlines()}
        assert {partition_of(device) for device in ids} == {message.partition()}
        assert message.key() == (ids.pop().encode() if pack == 1 else None)


def test_a_restart_goes_on_where_it_stopped_and_a_rate_is_kept(topics: Settings, tmp_path: Path) -> None:
    require_platform()
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "pump.csv").write_text("timestamp,value\n" + "".join(f"{n},{n}\n" for n in range(4000)) + "x,1\n")
    settings = topics.model_copy(update={"data": f"csv:{folder}", "speed": "max", "rate": 1000.0})
    began = time.monotonic()
    with producing(settings, tmp_path / "position.json"):
        eventually(lambda: sent(settings) >= 1500)
    first = sent(settings)
    assert 1500 <= first <= 1000 * (time.monotonic() - began)
    with producing(settings.model_copy(update={"rate": None}), tmp_path / "position.json"):
        eventually(lambda: sent(settings) >= 4000)
    (pump,) = by_device(messages_of(settings, "edge-iiot-stream")).values()
    assert [moment for moment, _ in pump] == [1000 * n for n in range(4000)]
    (letter,) = messages_of(settings, "dead-letters")
    headers = {name: value.decode() for name, value in letter.headers()}
    assert headers["location"] == "pump.csv:4002"
    assert headers["reason"]
    # The end is remembered, too.
    with producing(settings, tmp_path / "position.json") as producer:
        eventually(lambda: producer._service.health.is_good)
    assert sent(settings) == 4000


def test_a_live_fleet_reads_now_at_its_rate(topics: Settings, tmp_path: Path) -> None:
    require_platform()
    settings = topics.model_copy(update={"devices": 50, "rate": 500.0})
    with producing(settings, tmp_path / "position.json"):
        eventually(lambda: sent(settings) > 500 * 121)
    now = time.time() * 1000
    batch = Decoder(Devices()).messages([m.value() for m in messages_of(settings, "edge-iiot-stream")]).batch
    assert now - 10_000 < batch.times.max() <= now
    seconds = (int(batch.times.max()) - int(batch.times.min())) / 1000
    assert batch.size == pytest.approx(500 * seconds, rel=0.02)
