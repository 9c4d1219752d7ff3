"""Grafana's macros and variables, replaced as Grafana replaces them: so that a panel's query can be run without it.

First the page in the browser replaces variables and the interval, then the PostgreSQL plugin of the server replaces
its macros (Grafana 11: ``sqleng`` and ``grafana-postgresql-datasource/macros.go``). The order matters: a macro's
arguments hold what variables stood for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(?!__\w+\()(\w+)")
MACRO = re.compile(r"\$(\w+)\(([^)]*)\)")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class MacroError(ValueError):
    """A query that Grafana would refuse, or would send to the database with a ``$`` in it."""


@dataclass(frozen=True)
class Context:
    """What a dashboard shows: a time range, an interval as Grafana writes it, and the values of its variables.

    A string stands for the SQL of "all"; a sequence for chosen values.
    """

    start: datetime
    end: datetime
    interval: str = "1m"
    variables: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


def expand(sql: str, context: Context) -> str:
    """The SQL that reaches the database. Raises :class:`MacroError`."""
    sql = VARIABLE.sub(lambda match: _variable(match, context), sql)
    sql = MACRO.sub(lambda match: _macro(match[1], [part.strip() for part in match[2].split(",")], context), sql)
    if "$" in sql:
        raise MacroError(f"not replaced: {sql[sql.index('$') :][:30]}")
    return sql


def seconds(interval: str) -> float:
    """The length of an interval as Grafana writes it, such as 1m."""
    match = re.fullmatch(r"(\d+)(s|m|h|d)", interval)
    if match is None:
        raise MacroError(f"no interval: {interval}")
    return int(match[1]) * UNITS[match[2]]


def _variable(match: re.Match[str], context: Context) -> str:
    name, form = match[1] or match[3], match[2]
    if name in ("__interval", "__interval_ms"):
        return context.interval if name == "__interval" else f"{seconds(context.interval) * 1000:.0f}"
    if name not in context.variables:
        raise MacroError(f"no such variable: {name}")
    chosen = context.variables[name]
    if isinstance(chosen, str):
        return chosen
    if form == "csv":
        return ",".join(chosen)
    if form == "sqlstring":
        return ",".join("'" + value.replace("'", "''") + "'" for value in chosen)
    raise MacroError(f"{match[0]}: say :csv or :sqlstring, or what Grafana makes of it depends on the variable")


def _macro(name: str, arguments: list[str], context: Context) -> str:
    if not arguments[0]:
        raise MacroError(f"{name} without an argument")
    column = arguments[0]
    if name == "__timeFilter":
        return f"{column} BETWEEN '{_moment(context.start)}' AND '{_moment(context.end)}'"
    if name in ("__timeGroup", "__timeGroupAlias"):
        if len(arguments) < 2:
            raise MacroError(f"{name} needs a time column and an interval")
        width = f"{seconds(arguments[1].strip(chr(39))):.0f}"
        group = f"floor(extract(epoch from {column})/{width})*{width}"
        return group + (' AS "time"' if name == "__timeGroupAlias" else "")
    raise MacroError(f"no such macro: {name}")


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
