"""What all queries share: how a query is run and bounded."""

from typing import Any, LiteralString, TypeVar

from psycopg import Connection
from psycopg.rows import class_row

from flead.storage.parameters import unflatten
from flead.storage.queries.rows import ModelParameters

Row = TypeVar("Row")

MAX_ROWS = 10_000
"""No query returns more rows, whatever its ``limit`` says."""

ANOMALY = """device_id, broker_id, channel, nullif(value, 'NaN') AS value, z_score, severity, detector, mean, std,
    threshold, milliseconds(timestamp) AS timestamp, contributions"""
"""The columns of :class:`flead.storage.queries.rows.AnomalyRow`. A query must sort by ``a.timestamp``: the bare name is
the number here, which no index knows."""


def bounded(limit: int) -> int:
    """``limit``, but not below 0 nor above ``MAX_ROWS``."""
    return min(max(limit, 0), MAX_ROWS)


def fetch(connection: Connection[Any], kind: type[Row], query: LiteralString, /, **parameters: Any) -> list[Row]:
    """The rows of a query, each as a ``kind``."""
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, parameters).fetchall()


def fetch_parameters(connection: Connection[Any], query: LiteralString, **parameters: Any) -> ModelParameters | None:
    """The model in the only row of a query: version, parameters, layout."""
    with connection.cursor() as cursor:
        found = cursor.execute(query, parameters).fetchone()
    return None if found is None else ModelParameters(found[0], unflatten(found[1], found[2]))
