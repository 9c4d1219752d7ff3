"""The whole store as Parquet, one file a table, read in one transaction: all tables as they were at one moment.

DIR/TABLE.parquet   the rows, in memory a few thousand at a time; jsonb is text, all times are UTC
DIR/manifest.json   the migrations, the rows of each table, where each sequence stands
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from polars.io.plugins import register_io_source
from psycopg import Connection, sql

from flead.errors import FleadError
from flead.storage.timescaledb import views_among
from flead.storage.writing.merge import MINUTES

MANIFEST = "manifest.json"
FORMAT = 1
ROWS = 5_000
"""Rows in memory at a time: parameters and blocks of state take kilobytes each."""

TYPES: dict[str, Any] = {
    "bigint": pl.Int64,
    "boolean": pl.Boolean,
    "bytea": pl.Binary,
    "double precision": pl.Float64,
    "double precision[]": pl.List(pl.Float64),
    "integer": pl.Int32,
    "jsonb": pl.String,
    "text": pl.String,
    "text[]": pl.List(pl.String),
    "timestamp with time zone": pl.Datetime("us", "UTC"),
}
"""The types of the schema's columns, in Postgres and in Parquet."""

Columns = dict[str, str]
"""Name to type in Postgres."""


class Manifest(msgspec.Struct):
    """What an archive holds."""

    format: int
    migrations: list[str]
    rows: dict[str, int]
    sequences: dict[str, int]


def export(connection: Connection[Any], directory: Path) -> dict[str, int]:
    """Write every table to this directory, which must be new; returns the number of rows by table.

    A directory that is there is complete: it has another name until everything is written. Raises FleadError.
    """
    if directory.exists():
        raise FleadError(f"{directory} exists: name a new directory")
    unfinished = directory.with_name(directory.name + ".unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute("SET LOCAL timezone = 'UTC'")
            migrations = [name for (name,) in connection.execute("SELECT name FROM schema_migrations ORDER BY name")]
            tables = tables_of(connection)
            rows = {name: _write(connection, name, tables[name], unfinished) for name in tables}
            manifest = Manifest(FORMAT, migrations, rows, sequences_of(connection))
        (unfinished / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        unfinished.rename(directory)
    except OSError as error:
        raise FleadError(f"cannot write {directory}: {error.strerror or error}") from None
    return rows


def tables_of(connection: Connection[Any]) -> dict[str, Columns]:
    """Every table, and the sums by the minute where they are views, with their columns; not the list of migrations."""
    found: dict[str, Columns] = {}
    query = """
        SELECT class.relname, attname, format_type(atttypid, NULL)
        FROM pg_attribute JOIN pg_class AS class ON class.oid = attrelid
        WHERE class.relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
          AND relname <> 'schema_migrations' AND (relkind IN ('r', 'p') OR relname = ANY(%s))
        ORDER BY class.relname, attnum
    """
    for table, column, kind in connection.execute(query, (list(views_among(connection, MINUTES)),)):
        found.setdefault(table, {})[column] = kind
    return found


def sequences_of(connection: Connection[Any]) -> dict[str, int]:
    """The last number that each sequence has given out, of those that have."""
    query = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
    return dict(connection.execute(query).fetchall())


def _write(connection: Connection[Any], table: str, columns: Columns, directory: Path) -> int:
    schema = {name: TYPES[kind] for name, kind in columns.items()}
    shown = [
        sql.SQL("{}::text").format(sql.Identifier(name)) if kind == "jsonb" else sql.Identifier(name)
        for name, kind in columns.items()
    ]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(shown), sql.Identifier(table))
    count = 0

    def frames(*wanted: object) -> Iterator[pl.DataFrame]:
        nonlocal count
        with connection.cursor(f"export_{table}", binary=True) as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(ROWS):
                count += len(rows)
                yield pl.DataFrame(rows, schema=schema, orient="row")

    register_io_source(frames, schema=schema).sink_parquet(directory / f"{table}.parquet")
    return count
