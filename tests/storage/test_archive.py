"""A store goes to Parquet and back without a difference, or not at all."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from psycopg import sql

from flead.errors import FleadError
from flead.storage.archive import export, sequences_of, tables_of
from flead.storage.archive_import import restore
from tests.conftest import TEMPLATE, Database

pytestmark = pytest.mark.real

Connection = psycopg.Connection[Any]

VALUES: dict[str, list[Any]] = {
    "bigint": [2**63 - 1, -(2**63), 0],
    "boolean": [True, False, True],
    "bytea": [bytes(range(256)), b"", b"\\N"],
    "double precision": [math.nan, -0.0, 5e-324],
    "double precision[]": [[math.nan, math.inf, -0.0, 0.1, None], [], [None]],
    "integer": [2**31 - 1, -(2**31), 0],
    "jsonb": ['{"b": 1.10, "a": [null, "é\\n"]}', "null", "12345678901234567890.123456789012345678901"],
    "text": ["tab\tline\nback\\slash \"'", "", "\\N"],
    "text[]": [["a,b", "{}", "NULL", "", None, '"\\'], [], [None]],
    "timestamp with time zone": [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
}
"""Of each type what is likely to be spoilt on the way."""


VALUES_TO_REPEAT = {kind: values[2] for kind, values in VALUES.items()} | {"text": "é", "integer": 7, "bigint": 7}
"""What the row with NULL has in the columns that may not be NULL."""


@pytest.fixture
def other(database: Database) -> Iterator[Connection]:
    """A second store, empty."""
    name = sql.Identifier(f"{database.conninfo['dbname']}_other")
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(TEMPLATE)))
    options = database.conninfo | {"dbname": name.as_string()[1:-1], "autocommit": True}
    with psycopg.connect(**options) as connection:
        yield connection
    with database.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def fill(connection: Connection) -> None:
    """Three rows into every table, and one more with NULL wherever it may be."""
    for table, columns in tables_of(connection).items():
        query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attnotnull"
        nullable = {name for (name,) in connection.execute(query, (table,))}
        rows = [[VALUES[kind][row] for kind in columns.values()] for row in range(3)]
        rows.append([None if name in nullable else VALUES_TO_REPEAT[kind] for name, kind in columns.items()])
        with (
            connection.cursor() as cursor,
            cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as to,
        ):
            for row in rows:
                to.write_row(row)


def content(connection: Connection) -> dict[str, bytes]:
    """Every table as Postgres prints it."""
    found = {}
    for table in tables_of(connection):
        statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            found[table] = b"".join(bytes(line) for line in copy)
    return found


def test_every_table_comes_back_as_it_was(connection: Connection, other: Connection, tmp_path: Path) -> None:
    fill(connection)
    connection.execute("SELECT nextval('alarm_ids'), setval('alarm_revisions', 41)")
    rows = export(connection, tmp_path / "store")
    assert set(rows.values()) == {4}
    assert restore(other, tmp_path / "store") == rows
    assert content(other) == content(connection)
    assert sequences_of(other) == sequences_of(connection) != {}
    assert other.execute("SELECT nextval('alarm_revisions')").fetchone() == (42,)


def test_others_read_it_as_parquet(connection: Connection, tmp_path: Path) -> None:
    fill(connection)
    export(connection, tmp_path / "store")
    frame = pl.read_parquet(tmp_path / "store" / "anomalies.parquet")
    assert frame.schema["timestamp"] == pl.Datetime("us", "UTC")
    assert frame["contributions"].to_list()[1:] == ["null", VALUES["jsonb"][2], None]


def test_more_rows_than_are_held_at_a_time(connection: Connection, other: Connection, tmp_path: Path) -> None:
    connection.execute(
        "INSERT INTO signal SELECT 'd' || i, 'c', i, NULL, NULL, '2026-01-01' FROM generate_series(1, 12001) AS i"
    )
    assert export(connection, tmp_path / "store")["signal"] == 12_001
    restore(other, tmp_path / "store")
    assert content(other)["signal"] == content(connection)["signal"]


def test_an_export_replaces_nothing(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(FleadError, match="exists: name a new directory"):
        export(connection, tmp_path)


def spoil_count(store: Path) -> None:
    text = (store / "manifest.json").read_text()
    (store / "manifest.json").write_text(text.replace('"signal": 4', '"signal": 5'))


def spoil_column(store: Path) -> None:
    pl.read_parquet(store / "signal.parquet").with_columns(new=1).write_parquet(store / "signal.parquet")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_count, r"signal\.parquet has 4 rows and had 5 when it was written"),
        (spoil_column, r"signal\.parquet has columns that this version of flead does not know: new"),
        (lambda store: (store / "signal.parquet").unlink(), r"signal\.parquet cannot be read"),
        (lambda store: (store / "signal.parquet").write_bytes(b"PAR1"), r"signal\.parquet cannot be read"),
        (lambda store: (store / "manifest.json").unlink(), "is not what flead export writes"),
    ],
    ids=["rows are missing", "a newer version's", "a table is missing", "no Parquet", "no manifest"],
)
def test_a_spoilt_archive_leaves_the_store_empty(
    connection: Connection, other: Connection, tmp_path: Path, spoil: Any, said: str
) -> None:
    fill(connection)
    export(connection, tmp_path / "store")
    spoil(tmp_path / "store")
    with pytest.raises(FleadError, match=said):
        restore(other, tmp_path / "store")
    assert not any(content(other).values())


def test_a_store_with_rows_is_left_alone(connection: Connection, tmp_path: Path) -> None:
    fill(connection)
    export(connection, tmp_path / "store")
    before = content(connection)
    with pytest.raises(FleadError, match=r"not empty .* set data_dir"):
        restore(connection, tmp_path / "store")
    assert content(connection) == before


def test_one_row_in_any_table_is_enough(connection: Connection, other: Connection, tmp_path: Path) -> None:
    export(connection, tmp_path / "store")
    other.execute("INSERT INTO pipeline_state VALUES ('a', 'b')")
    with pytest.raises(FleadError, match=r"not empty \(pipeline_state has rows\)"):
        restore(other, tmp_path / "store")
