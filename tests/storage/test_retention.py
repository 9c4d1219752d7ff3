"""Old rows go, by when they were stored; nothing else does, and nobody waits for it."""

import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from flead.storage.migrations import retention
from flead.storage.migrations.migrate import packaged
from flead.storage.migrations.retention import DAYS, Retention

pytestmark = pytest.mark.real

INSERT = """
    INSERT INTO signal (device_id, channel, value, timestamp, stored_at)
    SELECT 'device_' || i %% 100, 'value', i, timestamptz '2020-01-01', now() - i * interval '1 second'
    FROM generate_series(%s::int, %s::int) AS i
"""
DAY = 86_400


def test_rows_go_by_when_they_were_stored_and_not_by_their_time(connection: psycopg.Connection[Any]) -> None:
    connection.execute(INSERT, (29 * DAY, 29 * DAY + 499))
    connection.execute(INSERT, (31 * DAY, 31 * DAY + 499))
    connection.execute("INSERT INTO rejected VALUES ('a', 'line 1', 'why', 'x', now() - interval '31 days')")
    connection.execute("INSERT INTO rejected VALUES ('a', 'line 2', 'why', 'x')")
    assert Retention(connection).forget() == dict.fromkeys(DAYS, 0) | {"rejected": 1, "signal": 500}
    ((kept, oldest),) = connection.execute("SELECT count(*), max(now() - stored_at) FROM signal").fetchall()
    assert kept == 500
    assert oldest < timedelta(days=30)
    assert connection.execute("SELECT location FROM rejected").fetchall() == [("line 2",)]


def test_a_few_at_a_time(connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST_ROWS", 40)
    connection.execute(INSERT, (31 * DAY, 31 * DAY + 99))
    assert [Retention(connection).forget()["signal"] for _ in range(4)] == [40, 40, 20, 0]


def test_nobody_reads_a_table_to_find_nothing_old(connection: psycopg.Connection[Any]) -> None:
    connection.execute(INSERT, (1, 200_000))
    connection.execute("VACUUM ANALYZE signal")
    connection.execute("SET enable_seqscan = off")
    statement = "SELECT ctid FROM signal WHERE stored_at < now() - make_interval(days => 30) LIMIT 100000"
    plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}".encode()))
    assert "signal_stored" in plan
    looked_at = re.search(r"Heap Blocks: lossy=(\d+)", plan)
    assert looked_at is None or int(looked_at[1]) <= 128, "at most the last pages, which the index does not know yet"


def test_it_forgets_what_timescaledb_drops() -> None:
    policies = packaged()["008_hypertables.timescaledb.sql"]
    found = re.findall(r"add_retention_policy\('(\w+)', drop_created_before => INTERVAL '(\d+) days'\)", policies)
    assert {table: int(days) for table, days in found} == DAYS
