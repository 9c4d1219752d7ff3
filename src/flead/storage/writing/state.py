"""The state of a pipeline as it was at the last commit."""

from typing import Any

from psycopg import Connection, sql

from flead.storage.timescaledb import views_among
from flead.storage.writing.merge import MINUTES


def load_state(connection: Connection[Any], prefix: str = "") -> dict[str, bytes]:
    """The blocks whose keys start with ``prefix``, by key; none in a new database."""
    query = "SELECT key, value FROM pipeline_state WHERE starts_with(key, %s)"
    with connection.cursor(binary=True) as cursor:
        return dict(cursor.execute(query, (prefix,)).fetchall())


def reset(connection: Connection[Any]) -> None:
    """Empty every table but the list of migrations: a new start (``--fresh``)."""
    with connection.transaction():
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'"
        ).fetchall()
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(names))
        for view in views_among(connection, MINUTES):
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(view)))
