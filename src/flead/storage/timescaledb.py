"""What depends on TimescaleDB, besides the migrations whose names end with ``.timescaledb.sql``."""

from typing import Any, LiteralString

from psycopg import Connection

MIGRATION = ".timescaledb.sql"
"""How the names of migrations end that need the extension."""

# The extension must be loaded when the server starts: where it is not, CREATE EXTENSION would end the session. One of
# its settings tells. Its Apache edition has neither compression nor continuous aggregates, and counts as absent.
_LOADED = """
    SELECT current_setting('timescaledb.bgw_launcher_poll_time', true) IS NOT NULL
       AND coalesce(current_setting('timescaledb.license', true), '') <> 'apache'
"""

PLAIN_SIZE: LiteralString = """
    SELECT (SELECT reltuples::bigint FROM pg_class WHERE oid = %(name)s::regclass),
           pg_total_relation_size(%(name)s::regclass)
"""
SIZE: LiteralString = """
    SELECT approximate_row_count(%(name)s::regclass),
           coalesce(hypertable_size(%(name)s::regclass), pg_total_relation_size(%(name)s::regclass))
"""


def enable(connection: Connection[Any]) -> bool:
    """Make the extension part of this database if the server has it loaded; whether it has."""
    found = connection.execute(_LOADED).fetchone()
    if found is None or not found[0]:
        return False
    connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return True


def is_enabled(connection: Connection[Any]) -> bool:
    """Whether this database has the extension."""
    return connection.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone() is not None


def size_query(connection: Connection[Any]) -> LiteralString:
    """What asks for a table's estimated number of rows and its bytes; a hypertable's own are in its chunks."""
    return SIZE if is_enabled(connection) else PLAIN_SIZE


def views_among(connection: Connection[Any], tables: tuple[str, ...]) -> frozenset[str]:
    """Those of these tables that are views here: continuous aggregates, which must not be written."""
    query = "SELECT relname FROM pg_class WHERE oid = ANY(%s::regclass[]) AND relkind <> 'r'"
    return frozenset(name for (name,) in connection.execute(query, (list(tables),)))
