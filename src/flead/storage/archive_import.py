"""Reads an archive of the store (:mod:`flead.storage.archive`) into an empty one, in one transaction."""

from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from psycopg import Connection, sql

from flead.errors import FleadError
from flead.storage.archive import FORMAT, MANIFEST, ROWS, Columns, Manifest, sequences_of, tables_of
from flead.storage.timescaledb import is_enabled, views_among
from flead.storage.writing.merge import MINUTES

STORED = "stored_at"
"""When a row was stored. TimescaleDB knows it of its chunks, and has no such column."""


def restore(connection: Connection[Any], directory: Path) -> dict[str, int]:
    """Read every table of the archive; returns the number of rows by table. FleadError where that cannot be done."""
    manifest = _manifest(directory)
    with connection.transaction():
        tables = tables_of(connection)
        derived = views_among(connection, MINUTES)
        written = {name: columns for name, columns in tables.items() if name not in derived}
        names = sql.SQL(", ").join(map(sql.Identifier, written))
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
        _check_empty(connection, written)
        _check_known(manifest, tables, directory)
        for name, count in manifest.rows.items():
            if name in written:
                _read(connection, name, written[name], directory / f"{name}.parquet", count)
        for name in sequences_of(connection).keys() | manifest.sequences.keys():
            if name in manifest.sequences:
                connection.execute("SELECT setval(%s::regclass, %s)", (name, manifest.sequences[name]))
    return manifest.rows


def _manifest(directory: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise FleadError(f"{directory} is not what flead export writes: {error}") from None
    if manifest.format != FORMAT:
        raise FleadError(f"{directory} has the format {manifest.format}, and this version of flead reads {FORMAT}")
    return manifest


def _check_empty(connection: Connection[Any], tables: dict[str, Columns]) -> None:
    for name in tables:
        found = connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(name))).fetchone()
        if found is not None:
            raise FleadError(
                f"the store is not empty ({name} has rows), and an import replaces nothing:"
                " set data_dir (FLEAD_DATA_DIR) to a new directory"
            )


def _check_known(manifest: Manifest, tables: dict[str, Columns], directory: Path) -> None:
    if unknown := sorted(manifest.rows.keys() - tables.keys()):
        raise FleadError(f"{directory} has tables that this version of flead does not know: {', '.join(unknown)}")


def _read(connection: Connection[Any], table: str, columns: Columns, file: Path, count: int) -> None:
    try:
        frame = pl.scan_parquet(file)
        names = frame.collect_schema().names()
        if is_enabled(connection):
            names = [name for name in names if name != STORED]
        if unknown := sorted(set(names) - columns.keys()):
            raise FleadError(f"{file} has columns that this version of flead does not know: {', '.join(unknown)}")
        copied = 0
        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), listed)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for batch in frame.select(names).collect_batches(chunk_size=ROWS, maintain_order=True):
                for row in batch.iter_rows():
                    copy.write_row(row)
                copied += batch.height
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FleadError(f"{file} cannot be read: {str(error).splitlines()[0]}") from None
    if copied != count:
        raise FleadError(f"{file} has {copied:,} rows and had {count:,} when it was written: the archive is damaged")
