"""Which old rows are deleted on plain Postgres, and after how many days, as TimescaleDB's policies do there."""

import time
from typing import Any

from psycopg import Connection, sql

from flead.storage.timescaledb import is_enabled

DAYS = {
    "signal": 30, "rejected": 30, "local_models": 90, "model_evaluations": 90, "anomalies": 90, "device_hours": 400
}  # fmt: skip
"""Counted from when a row was stored, whatever its own time."""

EVERY_SECONDS = 60.0
MOST_ROWS = 100_000
"""Of a table at a time, a fraction of a second's work: more than live readings add in a minute."""

_FORGET = sql.SQL("""
    DELETE FROM {table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM {table} WHERE {stored} < now() - make_interval(days => %s) LIMIT %s
    ))
""")


class Retention:
    """Deletes old rows a few at a time, so that no other query has to wait. ``connection`` is in autocommit mode."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._tables = {} if is_enabled(connection) else DAYS
        self._next = time.monotonic() + EVERY_SECONDS

    def forget_when_due(self) -> None:
        """Delete old rows if the last time was a while ago."""
        if time.monotonic() >= self._next:
            self.forget()
            self._next = time.monotonic() + EVERY_SECONDS

    def forget(self) -> dict[str, int]:
        """Delete up to ``MOST_ROWS`` old rows of each table; how many they were, by table."""
        deleted = {}
        for table, days in self._tables.items():
            with self._connection.transaction(), self._connection.cursor() as cursor:
                # Without statistics the planner expects to find old rows soon, and reads the table for them.
                cursor.execute("SET LOCAL enable_seqscan = off")
                stored = sql.Identifier("seen_at" if table == "rejected" else "stored_at")
                statement = _FORGET.format(table=sql.Identifier(table), stored=stored)
                deleted[table] = cursor.execute(statement, (days, MOST_ROWS)).rowcount
        return deleted
