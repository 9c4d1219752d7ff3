"""The collector on real Kafka and a real Postgres: every message once, whatever dies meanwhile."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from flead.settings import Settings
from flead.storage.server.embedded_postgres import EmbeddedPostgres
from flead.storage.server.store import Store
from tests.conftest import Database
from tests.platform.collector import messages
from tests.platform_fixtures import eventually, in_a_thread, require_platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@contextmanager
def collecting(settings: Settings, conninfo: dict[str, Any]) -> Iterator[Any]:
    """A collector at work in a thread; stopped with the block."""
    from flead.bus.service import Service
    from flead.platform.collector.service import Collector

    service = Service("collector")

    with in_a_thread(service, Collector(settings, Store(conninfo), service).run):
        yield service


def eventually_stored(connection: psycopg.Connection[Any], expected: dict[str, int]) -> None:
    """Wait until as much as that is stored; then it must be exactly that."""

    def enough() -> bool:
        found = messages.stored(connection)
        return all(found[name] >= expected[name] for name in expected)

    try:
        eventually(enough)
    finally:
        assert messages.stored(connection) == expected


def all_of(count: int) -> dict[str, int]:
    return {f"readings in {table}": count for table in ("broker_totals", "readings_per_minute", "devices")}


def test_messages_become_rows_once(topics: Settings, database: Database) -> None:
    require_platform()
    settings = topics.model_copy(update={"devices": 100})
    messages.send_readings(settings, 3000, pack=7)
    messages.send(settings, "edge-iiot-stream", [b"no reading"])
    other = messages.anomaly(3, device_id="pump \u00e9", channel="flow", threshold=None, mean=None, severity="critical")
    bad = [b"", b"{}", messages.anomaly(4, timestamp="yesterday")]
    messages.send(settings, "anomalies", [*map(messages.anomaly, range(500)), other, *bad])
    odd = messages.update(1, parameters={"means": [1.0, 2.0], "": []})
    wrong = [messages.update(1, accuracy=1.5), messages.update(1, model_version=2**31), b"[]"]
    messages.send(settings, "local-model-updates", [*map(messages.update, range(700)), odd, *wrong])
    messages.send(settings, "global-model-updates", [*map(messages.model, range(1, 41)), messages.model(7), b"bad"])
    sender = messages.producer(settings)
    headers = {"topic": "edge-iiot-stream", "partition": "3", "offset": "17", "reason": "not a number"}
    sender.produce("dead-letters", b"raw \xff", headers=headers)
    sender.produce("dead-letters", b"alone")
    assert sender.flush(30) == 0
    aborted = messages.producer(settings, **{"transactional.id": "test"})
    aborted.init_transactions(30)
    aborted.begin_transaction()
    aborted.produce("anomalies", b"{}")
    aborted.flush(30)
    aborted.abort_transaction(30)

    expected = {"anomalies": 501, "local_models": 701, "federated_models": 40, "rejected": 6} | all_of(3000)
    with database.connect() as connection:
        for _ in range(2):  # the second one finds nothing to do
            with collecting(settings, database.conninfo):
                eventually_stored(connection, expected)
        rejected = connection.execute("SELECT source, location, reason, raw FROM rejected").fetchall()
        assert ("edge-iiot-stream", "partition 3, offset 17", "not a number", b"raw \xff") in rejected
        assert sorted(source for source, *_ in rejected) == [
            "anomalies", "anomalies", "anomalies", "edge-iiot-stream", "global-model-updates", "unknown",
        ]  # fmt: skip
        assert connection.execute(
            "SELECT channels, anomalies, trainings FROM devices WHERE device_id = 'pump \u00e9'"
        ).fetchall() == [(["flow"], 1, 0)]
        # A device that was known from an update first gets its channels with its readings.
        assert connection.execute("SELECT count(*) FROM devices WHERE cardinality(channels) = 0").fetchall() == [(0,)]
        assert connection.execute(
            "SELECT parameters, layout FROM local_models WHERE parameters[1] = 1.0 AND parameters[2] = 2.0"
        ).fetchall() == [([1.0, 2.0], '{"means":[2],"":[0]}')]
        flagged = connection.execute("SELECT count(*), count(mean) FROM signal WHERE channel = 'value'")
        assert flagged.fetchall() == [(500, 500)]


def test_of_two_collectors_one_waits(topics: Settings, database: Database) -> None:
    require_platform()
    with collecting(topics, database.conninfo) as first:
        eventually(lambda: first.health.is_good)
        with collecting(topics, database.conninfo) as second:
            eventually(lambda: "another collector" in (second.health.trouble or ""))
            messages.send(topics, "anomalies", map(messages.anomaly, range(100)))
            with database.connect() as connection:
                eventually(lambda: messages.stored(connection)["anomalies"] == 100)
            first.stop()
            eventually(lambda: second.health.is_good)


@pytest.fixture
def platform(topics: Settings, tmp_path: Path) -> Iterator[tuple[Settings, EmbeddedPostgres]]:
    """A database of the test's own, as the settings say."""
    password = topics.database_password.get_secret_value()
    with EmbeddedPostgres(tmp_path, topics.database_port, password, durable=False) as server:
        assert server.port == topics.database_port
        yield topics.model_copy(update={"data_dir": tmp_path}), server


def start(settings: Settings) -> subprocess.Popen[bytes]:
    from flead.stack.services import environment

    command = [sys.executable, "-m", "flead", "service", "collector"]
    return subprocess.Popen(command, env=os.environ | environment(settings), cwd=settings.data_dir)


READINGS, OTHERS = 400_000, 60_000
OUTAGE_SECONDS = 30
EVERYTHING = {
    "anomalies": OTHERS, "local_models": OTHERS, "federated_models": 3000, "rejected": 0
} | all_of(READINGS)  # fmt: skip


def send_everything(settings: Settings) -> None:
    """523,000 messages."""
    messages.send_readings(settings, READINGS)
    messages.send(settings, "anomalies", map(messages.anomaly, range(OTHERS)))
    messages.send(settings, "local-model-updates", map(messages.update, range(OTHERS)))
    messages.send(settings, "global-model-updates", map(messages.model, range(1, 3001)))


def test_a_killed_collector_and_a_stopped_database_lose_and_repeat_nothing(
    platform: tuple[Settings, EmbeddedPostgres],
) -> None:
    require_platform()
    settings, server = platform
    send_everything(settings)
    collector = start(settings)
    try:
        with psycopg.connect(**server.connection(), autocommit=True) as connection:
            eventually(lambda: _some_readings(connection) > 0)
            collector.kill()
            collector.wait()
            before = _some_readings(connection)
            assert 0 < before < READINGS
            collector = start(settings)
            eventually(lambda: _some_readings(connection) > before)
        server._stop_server()
        for _ in range(10):  # more comes while the database is away
            time.sleep(OUTAGE_SECONDS / 10)
            messages.send(settings, "anomalies", map(messages.anomaly, range(100)))
        assert collector.poll() is None
        server._start()
        with psycopg.connect(**server.connection(), autocommit=True) as connection:
            expected = EVERYTHING | {"anomalies": OTHERS + 1000}
            eventually_stored(connection, expected)
        collector.terminate()
        assert collector.wait(30) == 0
    finally:
        collector.kill()
        collector.wait()


def _some_readings(connection: psycopg.Connection[Any]) -> int:
    try:
        query = "SELECT coalesce(sum(readings), 0)::bigint FROM broker_totals"
        return int(connection.execute(query).fetchall()[0][0])
    except psycopg.errors.UndefinedTable:
        return 0
