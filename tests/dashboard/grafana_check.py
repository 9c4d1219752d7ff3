"""Runs a panel or variable of a Grafana dashboard as Grafana would, and says what is wrong with what comes back."""

from collections.abc import Iterator
from typing import Any

import psycopg

from flead.dashboard.grafana.macros import Context, expand

NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric"}
TIMES = {"timestamptz"} | NUMBERS
"""What a series may have as its time: a number is seconds since the epoch."""


class PanelError(AssertionError):
    """Grafana would show an error, or nothing."""


def targets(model: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every query of a dashboard with its panel's title."""
    for panel in model["panels"]:
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"]
            yield panel["title"], target


def run(connection: psycopg.Connection[Any], target: dict[str, Any], context: Context) -> list[Any]:
    """The rows of a target. Raises PanelError, MacroError or psycopg's errors."""
    cursor = connection.execute(expand(target["rawSql"], context).encode())
    rows = cursor.fetchall()
    columns = [column.name for column in cursor.description or []]
    if len(set(columns)) < len(columns):
        raise PanelError(f"two columns of one name among {columns}")
    if not rows:
        raise PanelError("no data")
    if target["format"] == "time_series":
        kinds = {column.name: column.type_display for column in cursor.description or []}
        _check_series(columns, kinds, rows)
    return rows


def _check_series(columns: list[str], kinds: dict[str, str], rows: list[Any]) -> None:
    if "time" not in columns or kinds["time"] not in TIMES:
        raise PanelError(f"no time among {kinds}")
    values = [name for name in columns if name not in ("time", "metric")]
    wrong = [name for name in values if kinds[name] not in NUMBERS]
    if wrong or not values:
        raise PanelError(f"no numbers: {wrong}")
    times = [row[columns.index("time")] for row in rows]
    if times != sorted(times):
        raise PanelError("not in the order of time")
    if all(row[columns.index(name)] is None for row in rows for name in values):
        raise PanelError("no value in any row")
