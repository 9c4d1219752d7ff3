"""Messages for the collector: many of them, mixed, and what they come to."""

from collections.abc import Iterable
from typing import Any

import msgspec
import psycopg

from flead.codec.encode_readings import ReadingEncoder
from flead.columns import Devices
from flead.ingest.sources import make_source
from flead.placement import partition_of
from flead.records import Anomaly, GlobalModel, LocalUpdate, to_text
from flead.settings import Settings

NOON = 1_762_516_800_000  # 2025-11-07T12:00:00Z
TABLES = ("anomalies", "local_models", "federated_models", "rejected")


def anomaly(n: int, **changes: Any) -> Anomaly:
    one = Anomaly(
        f"device_{n % 100}", 1, "value", 40.0 + n, 3.0, "warning", "zscore", to_text(NOON + 1000 * n), 40.0, 1.0, 2.5
    )
    return msgspec.structs.replace(one, **changes)


def update(n: int, **changes: Any) -> LocalUpdate:
    parameters = {"weights": [0.1 * n, 0.2, 0.3], "bias": [1.0]}
    one = LocalUpdate(f"device_{n % 100}", n // 100 + 1, 0, 0.5, 0.7, 50, parameters, to_text(NOON + 1000 * n))
    return msgspec.structs.replace(one, **changes)


def model(version: int) -> GlobalModel:
    return GlobalModel(version, version, 0.9, 20, "fedbuff", {"weights": [1.0, 2.0, 3.0]}, to_text(NOON + version))


def producer(settings: Settings, **more: Any) -> Any:
    from confluent_kafka import Producer

    return Producer(
        {
            "bootstrap.servers": settings.kafka_servers,
            "enable.idempotence": True,
            "linger.ms": 50,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
        | more
    )


def send_readings(settings: Settings, count: int, pack: int = 1) -> None:
    """So many of the simulated fleet's readings, ``pack`` of them a message."""
    sender, devices = producer(settings), Devices()
    source, encoder = make_source(settings), ReadingEncoder(devices)
    source.open(devices, None)
    chunk = source.next_batch(count, None)
    assert chunk is not None
    text, bounds = encoder.lines(chunk.batch)
    places = [partition_of(devices.id(row), settings.partitions) for row in range(len(devices))]
    for start in range(0, count, pack):
        stop = min(start + pack, count)
        place = places[chunk.batch.rows[start]]
        sender.produce("edge-iiot-stream", text[bounds[start] : bounds[stop] - 1], None, place)
    assert sender.flush(60) == 0


def send(settings: Settings, topic: str, records: Iterable[Any]) -> None:
    """These records, or bytes as they are; a device's in one partition."""
    sender = producer(settings)
    for record in records:
        value = record if isinstance(record, bytes) else msgspec.json.encode(record)
        # What is no record has a key, too: a compacted topic takes nothing without one.
        key = getattr(record, "device_id", None) or str(getattr(record, "version", "none"))
        sender.produce(topic, value, key, on_delivery=_delivered)
    assert sender.flush(60) == 0


def _delivered(error: Any, _: Any) -> None:
    assert error is None, error


def stored(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How much is stored: rows by table, and the readings that were counted."""
    found = {}
    for table in TABLES:
        found[table] = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()[0][0]
    for table in ("broker_totals", "readings_per_minute", "devices"):
        query = f"SELECT coalesce(sum(readings), 0)::bigint FROM {table}"
        found[f"readings in {table}"] = connection.execute(query.encode()).fetchall()[0][0]
    return found
