"""What TimescaleDB is told, as far as it can be checked without it.

The extension comes in no package. Its functions are stood in for by ones with its signatures that note how they were
called, and its continuous aggregates by the plain views of the same queries: so names, arguments, columns and the
writer's behaviour are checked, and the extension itself is not.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from flead.columns import Batch, Devices
from flead.storage import queries, timescaledb
from flead.storage.migrations.migrate import migrate, packaged
from flead.storage.writing.writer import Writer
from tests import columns
from tests.conftest import Database

pytestmark = pytest.mark.real

SCRIPT = "008_hypertables.timescaledb.sql"
NOON = 1_762_516_800_000
NOTE = "RETURNS int LANGUAGE sql AS $$ INSERT INTO calls VALUES ('{name}', relation::text, {what}) RETURNING 1 $$"
FUNCTIONS = [
    "CREATE TABLE calls (function text, relation text, argument text)",
    "CREATE FUNCTION by_range(column_name name, partition_interval interval) RETURNS text LANGUAGE sql AS"
    " $$ SELECT column_name || ' ' || partition_interval $$",
    "CREATE FUNCTION create_hypertable(relation regclass, dimension text, create_default_indexes boolean = true,"
    " if_not_exists boolean = false, migrate_data boolean = false) "
    + NOTE.format(name="create_hypertable", what="dimension || ' ' || migrate_data"),
    "CREATE FUNCTION add_retention_policy(relation regclass, drop_after interval = NULL, if_not_exists boolean = false,"
    " schedule_interval interval = NULL, initial_start timestamptz = NULL, timezone text = NULL,"
    " drop_created_before interval = NULL) " + NOTE.format(name="retention", what="drop_created_before"),
    "CREATE FUNCTION add_compression_policy(relation regclass, compress_after interval = NULL,"
    " if_not_exists boolean = false, schedule_interval interval = NULL, initial_start timestamptz = NULL,"
    " timezone text = NULL, compress_created_before interval = NULL) "
    + NOTE.format(name="compression", what="compress_created_before"),
    "CREATE FUNCTION add_continuous_aggregate_policy(relation regclass, start_offset interval, end_offset interval,"
    " schedule_interval interval, if_not_exists boolean = false) "
    + NOTE.format(name="refresh", what="end_offset || ' ' || schedule_interval"),
    "CREATE FUNCTION time_bucket(width interval, moment timestamptz) RETURNS timestamptz LANGUAGE sql AS"
    " $$ SELECT date_bin(width, moment, timestamptz 'epoch') $$",
]
SINCE_2_18 = (
    "CREATE PROCEDURE add_columnstore_policy(hypertable regclass, after interval = NULL, if_not_exists boolean = false,"
    " schedule_interval interval = NULL, initial_start timestamptz = NULL, timezone text = NULL,"
    " created_before interval = NULL) LANGUAGE sql AS"
    " $$ INSERT INTO calls VALUES ('columnstore', hypertable::text, created_before) $$"
)


def plain(text: str) -> str:
    """The script without what only the extension's parser of options understands."""
    text = re.sub(r"ALTER TABLE \w+ SET \(timescaledb[^;]*;", "", text)
    return re.sub(
        r"CREATE MATERIALIZED VIEW (\w+)\s+WITH \([^)]*\) AS(.*?)WITH NO DATA;",
        r"CREATE VIEW \1 AS\2;",
        text,
        flags=re.S,
    )


@pytest.fixture(params=["2.14", "2.28"])
def told(database: Database, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    """A database in which the script has run."""
    with database.connect() as connection:
        for statement in [*FUNCTIONS, *([SINCE_2_18] if request.param == "2.28" else [])]:
            connection.execute(statement.encode())
        connection.execute(plain(packaged()[SCRIPT]).encode())
        yield connection


def calls(connection: psycopg.Connection[Any], function: str) -> dict[str, str]:
    query = "SELECT relation, argument FROM calls WHERE function = %s"
    return dict(connection.execute(query, (function,)).fetchall())


def test_without_the_extension_its_script_waits(connection: psycopg.Connection[Any]) -> None:
    assert not timescaledb.enable(connection)
    assert migrate(connection) == []
    assert SCRIPT in packaged()


def test_the_policy_is_the_one_that_the_version_has(told: psycopg.Connection[Any]) -> None:
    found = calls(told, "compression") | calls(told, "columnstore")
    assert found == dict.fromkeys(["local_models", "model_evaluations", "anomalies", "signal"], "2 days")
    newer = told.execute("SELECT FROM pg_proc WHERE proname = 'add_columnstore_policy'").fetchone() is not None
    assert bool(calls(told, "columnstore")) == newer


def test_every_hypertable_has_days_its_rows_and_an_end(told: psycopg.Connection[Any]) -> None:
    tables = calls(told, "create_hypertable")
    assert {argument.split(" ", 1)[1] for argument in tables.values()} == {"1 day true"}
    assert tables.keys() == calls(told, "retention").keys()


def test_a_unique_index_of_a_hypertable_contains_its_time(told: psycopg.Connection[Any]) -> None:
    compressed = (calls(told, "compression") | calls(told, "columnstore")).keys()
    for table, argument in calls(told, "create_hypertable").items():
        unique = told.execute(
            "SELECT ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY(indkey))"
            " FROM pg_index WHERE indisunique AND indrelid = %s::regclass",
            (table,),
        ).fetchall()
        assert all(argument.split()[0] in columns for (columns,) in unique)
        assert not (unique and table in compressed), "late rows would have to decompress"


def test_what_options_name_are_columns(told: psycopg.Connection[Any]) -> None:
    options = re.findall(
        r"ALTER TABLE (\w+) SET \(timescaledb\.compress, timescaledb\.compress_segmentby = '(\w+)',\s+"
        r"timescaledb\.compress_orderby = '\"?(\w+)\"? DESC'\);",
        packaged()[SCRIPT],
    )
    assert {table for table, _, _ in options} == (calls(told, "compression") | calls(told, "columnstore")).keys()
    for table, segment_by, order_by in options:
        assert calls(told, "create_hypertable")[table].split()[0] == order_by
        told.execute(f"SELECT {segment_by}, {order_by} FROM {table}".encode())


def test_sums_that_the_server_keeps_are_not_written_and_read_the_same(
    told: psycopg.Connection[Any], database: Database
) -> None:
    devices = Devices()
    devices.add(["device_1", "device_2"])
    writer = Writer(told, devices, lambda device: 1)
    rows, times = np.array([0, 1, 0], np.int32), np.array([NOON, NOON, NOON + 60_000])
    writer.add_readings(Batch(rows, times, np.zeros((3, 1)), np.zeros(3, np.int8)))
    writer.add_anomalies(
        columns.flagged(
            rows,
            times,
            values=np.ones(3),
            scores=np.full(3, 6.0),
            critical=np.array([True, False, False]),
        )
    )
    writer.add_local_models(
        columns.local_models(
            rows[:1],
            times[:1],
            accuracies=np.array([0.5]),
            losses=np.array([0.7]),
            parameters=np.zeros((1, 4)),
            layouts=[{"weights": (3,), "bias": (1,)}],
        )
    )
    writer.commit()
    assert calls(told, "refresh").keys() == {"models_per_minute", "anomalies_per_minute"}
    minutes = queries.anomalies_per_minute(told, minutes=2)
    assert [(minute.warnings, minute.criticals) for minute in minutes] == [(1, 1), (1, 0)]
    models = queries.models_per_minute(told, minutes=2)
    assert [(minute.models, minute.accuracy) for minute in models] == [(1, 0.5), (0, None)]
    assert [minute.readings for minute in queries.readings_per_minute(told, minutes=2)] == [2, 1]
