"""The whole system at a glance: counts, totals and what came last, from sums that the writer keeps."""

from typing import Any, LiteralString

from psycopg import Connection, sql

from flead.records import Severity
from flead.storage.queries.common import ANOMALY, MAX_ROWS, bounded, fetch
from flead.storage.queries.rows import (
    AnomalyRow,
    BrokerTotals,
    MinuteAnomalies,
    MinuteModels,
    MinuteReadings,
    Overview,
    RejectedReason,
    RejectedRow,
    TableCount,
)
from flead.storage.timescaledb import size_query

MAX_COUNTED = 100_000
"""Tables with more rows are not counted but estimated."""
TABLES: tuple[LiteralString, ...] = (
    "local_models",
    "federated_models",
    "model_evaluations",
    "anomalies",
    "signal",
    "devices",
    "rejected",
)

_MINUTES = """
    WITH minutes AS (
        SELECT date_trunc('minute', clock, 'UTC') - i * interval '1 minute' AS minute
        FROM data_clock, generate_series(0, %(minutes)s::int - 1) AS i WHERE clock IS NOT NULL)
"""


def overview(connection: Connection[Any]) -> Overview:
    """The four published counts and some more, from sums alone.

    The global models are counted by the newest version: versions count from 1 without gaps.
    """
    return fetch(
        connection,
        Overview,
        """
        WITH totals AS (
            SELECT coalesce(sum(readings), 0)::bigint AS readings, coalesce(sum(models), 0)::bigint AS local_models,
                   coalesce(sum(warnings), 0)::bigint AS warnings, coalesce(sum(criticals), 0)::bigint AS criticals,
                   max(newest) AS clock
            FROM broker_totals),
        newest AS (SELECT global_version, accuracy FROM federated_models ORDER BY global_version DESC LIMIT 1),
        fleet AS (
            SELECT count(*) AS devices, count(*) FILTER (WHERE last_seen >= clock - interval '1 hour') AS active_devices
            FROM devices, totals)
        SELECT local_models, coalesce(global_version, 0) AS global_models, active_devices,
               accuracy AS global_accuracy, readings, warnings, criticals,
               coalesce((SELECT sum(rejected) FROM rejected_per_reason), 0)::bigint AS rejected,
               devices, milliseconds(clock) AS clock
        FROM totals CROSS JOIN fleet LEFT JOIN newest ON true
        """,
    )[0]


def models_per_minute(connection: Connection[Any], minutes: int = 60, broker: int | None = None) -> list[MinuteModels]:
    """Local models made in each of the last ``minutes`` of the data's clock, oldest first."""
    return fetch(
        connection,
        MinuteModels,
        _MINUTES
        + """
        SELECT milliseconds(m.minute) AS minute, coalesce(sum(models), 0)::bigint AS models,
               sum(accuracy_sum) / nullif(sum(models), 0)::double precision AS accuracy
        FROM minutes AS m LEFT JOIN models_per_minute AS r
             ON r.minute = m.minute AND (%(broker)s::int IS NULL OR broker_id = %(broker)s)
        GROUP BY m.minute ORDER BY m.minute
        """,
        minutes=bounded(minutes),
        broker=broker,
    )


def anomalies_per_minute(
    connection: Connection[Any], minutes: int = 60, broker: int | None = None
) -> list[MinuteAnomalies]:
    """Anomalies by severity in each of the last ``minutes`` of the data's clock, oldest first."""
    return fetch(
        connection,
        MinuteAnomalies,
        _MINUTES
        + """
        SELECT milliseconds(m.minute) AS minute,
               coalesce(sum(anomalies) FILTER (WHERE severity = 'warning'), 0)::bigint AS warnings,
               coalesce(sum(anomalies) FILTER (WHERE severity = 'critical'), 0)::bigint AS criticals
        FROM minutes AS m LEFT JOIN anomalies_per_minute AS r
             ON r.minute = m.minute AND (%(broker)s::int IS NULL OR broker_id = %(broker)s)
        GROUP BY m.minute ORDER BY m.minute
        """,
        minutes=bounded(minutes),
        broker=broker,
    )


def readings_per_minute(
    connection: Connection[Any], minutes: int = 60, broker: int | None = None
) -> list[MinuteReadings]:
    """Readings in each of the last ``minutes`` of the data's clock, oldest first."""
    return fetch(
        connection,
        MinuteReadings,
        _MINUTES
        + """
        SELECT milliseconds(m.minute) AS minute, coalesce(sum(readings), 0)::bigint AS readings
        FROM minutes AS m LEFT JOIN readings_per_minute AS r
             ON r.minute = m.minute AND (%(broker)s::int IS NULL OR broker_id = %(broker)s)
        GROUP BY m.minute ORDER BY m.minute
        """,
        minutes=bounded(minutes),
        broker=broker,
    )


def broker_totals(connection: Connection[Any]) -> list[BrokerTotals]:
    """Devices, readings, local models and anomalies by broker."""
    return fetch(
        connection,
        BrokerTotals,
        """
        SELECT broker_id, coalesce(d.devices, 0) AS devices, readings, models, warnings, criticals
        FROM broker_totals LEFT JOIN (SELECT broker_id, count(*) AS devices FROM devices GROUP BY broker_id) AS d
             USING (broker_id)
        ORDER BY broker_id LIMIT %(limit)s
        """,
        limit=MAX_ROWS,
    )


def latest_anomalies(
    connection: Connection[Any], limit: int = 50, broker: int | None = None, severity: Severity | None = None
) -> list[AnomalyRow]:
    """The newest anomalies by event time, newest first."""
    # A severity is written into the query, for the index of the criticals serves no query that leaves it open.
    condition = {None: "true", "warning": "severity = 'warning'", "critical": "severity = 'critical'"}[severity]
    return fetch(
        connection,
        AnomalyRow,
        f"""
        SELECT {ANOMALY} FROM anomalies AS a
        WHERE {condition} AND (%(broker)s::int IS NULL OR broker_id = %(broker)s)
        ORDER BY a.timestamp DESC LIMIT %(limit)s
        """,
        limit=bounded(limit),
        broker=broker,
    )


def rejected_reasons(connection: Connection[Any], limit: int = 100) -> list[RejectedReason]:
    """Reasons of refusals and their numbers, the most frequent first."""
    return fetch(
        connection,
        RejectedReason,
        "SELECT reason, rejected FROM rejected_per_reason ORDER BY rejected DESC, reason LIMIT %(limit)s",
        limit=bounded(limit),
    )


def latest_rejected(connection: Connection[Any], limit: int = 50) -> list[RejectedRow]:
    """The latest refusals, the newest first."""
    return fetch(
        connection,
        RejectedRow,
        """
        SELECT source, location, reason, raw, milliseconds(seen_at) AS seen_at
        FROM rejected AS r ORDER BY r.seen_at DESC LIMIT %(limit)s
        """,
        limit=bounded(limit),
    )


def table_counts(connection: Connection[Any]) -> list[TableCount]:
    """The rows and bytes of each table; beyond ``MAX_COUNTED`` rows the planner's estimate."""
    counts = []
    size_of = size_query(connection)
    for table in TABLES:
        query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT %s) AS t").format(sql.Identifier(table))
        rows, size = connection.execute(size_of, {"name": table}).fetchone() or (0, 0)
        exact = False
        if rows <= MAX_COUNTED:  # -1 before the first estimate
            (counted,) = connection.execute(query, (MAX_COUNTED + 1,)).fetchone() or (0,)
            exact = counted <= MAX_COUNTED
            rows = counted
        counts.append(TableCount(table, rows, exact, size))
    return counts
