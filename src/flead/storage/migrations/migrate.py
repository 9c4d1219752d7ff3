"""Brings a database to the newest schema: the SQL files of ``migrations/``, in order of their names, each once.

Those for TimescaleDB are left out until the server has loaded it.
"""

import hashlib
from importlib.resources import files
from typing import Any

from psycopg import Connection

from flead.errors import FleadError
from flead.storage import timescaledb

LOCK = 0x464C454144
"""The advisory lock of migrations ("FLEAD"): of two processes that migrate at once, one waits."""


class MigrationError(FleadError):
    """The database's schema cannot be migrated by this program."""


def migrate(connection: Connection[Any], migrations: dict[str, str] | None = None) -> list[str]:
    """Apply the migrations that are missing, each in a transaction of its own; returns their names.

    ``migrations`` are texts by name, those of the package if None. Raises :class:`MigrationError` if one that was
    applied has changed since or is unknown, before anything is applied.
    """
    wanted = packaged() if migrations is None else migrations
    connection.commit()
    connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    connection.commit()
    try:
        missing = _missing(connection, wanted)
        if any(name.endswith(timescaledb.MIGRATION) for name in missing) and not timescaledb.enable(connection):
            missing = [name for name in missing if not name.endswith(timescaledb.MIGRATION)]
        connection.commit()
        for name in missing:
            with connection.transaction():
                connection.execute(wanted[name].encode())
                connection.execute(
                    "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)", (name, _checksum(wanted[name]))
                )
        return missing
    finally:
        connection.rollback()
        connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
        connection.commit()


def packaged() -> dict[str, str]:
    """The texts of the package's migrations by name, in order."""
    found = [file for file in files("flead.storage.migrations").iterdir() if file.name.endswith(".sql")]
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(found, key=lambda file: file.name)}


def _missing(connection: Connection[Any], wanted: dict[str, str]) -> list[str]:
    with connection.transaction():
        connection.execute("""
            CREATE TABLE IF NOT EXISTS schema_migrations (
                name       text PRIMARY KEY,
                checksum   text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )""")
        applied = dict(connection.execute("SELECT name, checksum FROM schema_migrations").fetchall())
    for name, checksum in applied.items():
        if name not in wanted:
            raise MigrationError(
                f"the database has the migration {name}, which this version of flead does not know:"
                " use the version that created it, or a newer one"
            )
        if checksum != _checksum(wanted[name]):
            raise MigrationError(
                f"the migration {name} has changed since it was applied to this database:"
                " restore the file and put the change into a new migration, or start with an empty database"
            )
    return [name for name in wanted if name not in applied]


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
