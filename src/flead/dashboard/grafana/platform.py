"""Whether the platform keeps up: rates, delays, what was refused."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from flead.dashboard.grafana.panels import BYTES, SECONDS, SHARE, chart, number, page, rows

READINGS = """
SELECT $__timeGroupAlias(minute, $__interval), 'broker ' || broker_id AS metric,
       sum(readings) * 60000.0 / $__interval_ms AS "readings"
FROM readings_per_minute WHERE $__timeFilter(minute) GROUP BY 1, 2 ORDER BY 1, 2
"""
TOTAL = 'SELECT coalesce(sum(readings), 0)::bigint AS "readings" FROM broker_totals'
DELAY = """
SELECT greatest(extract(epoch FROM now() - max(newest)), 0) AS "behind the present" FROM broker_totals
"""
REFUSED = 'SELECT coalesce(sum(rejected), 0)::bigint AS "refused" FROM rejected_per_reason'
SIZE = 'SELECT pg_database_size(current_database()) AS "database"'
DELAYS = """
SELECT broker_id AS "broker", newest AS "newest record",
       greatest(extract(epoch FROM now() - newest), 0) AS "behind the present",
       readings, models AS "local models", warnings, criticals
FROM broker_totals ORDER BY broker_id
"""
REASONS = 'SELECT reason, rejected AS "refused" FROM rejected_per_reason ORDER BY rejected DESC, reason LIMIT 20'
DEAD_LETTERS = """
SELECT $__timeGroupAlias(seen_at, $__interval), count(*) * 60000.0 / $__interval_ms AS "refused"
FROM rejected WHERE $__timeFilter(seen_at) GROUP BY 1 ORDER BY 1
"""
LATEST_REFUSED = """
SELECT seen_at AS "time", source, location, reason, encode(substring(raw FOR 120), 'escape') AS "begins with"
FROM rejected ORDER BY seen_at DESC LIMIT 20
"""
HOURS = """
SELECT hour AS "time", 'broker ' || broker_id AS metric,
       sum(anomalies)::double precision / sum(readings) AS "anomaly rate"
FROM device_hours WHERE $__timeFilter(hour) GROUP BY 1, 2 ORDER BY 1, 2
"""


def platform() -> Dashboard:
    """What an operator looks at."""
    return (
        page("flead-platform", "FLEAD: platform", "Rates, delays, and what was refused")
        .with_panel(number("Readings", "Since the beginning.", TOTAL))
        .with_panel(
            number(
                "Behind the present",
                "From the event time of the newest stored record to now: the end-to-end delay, if the devices"
                " are live and their clocks right.",
                DELAY,
                SECONDS,
            )
        )
        .with_panel(number("Refused", "Messages and rows that were not valid readings, since the beginning.", REFUSED))
        .with_panel(number("Database", "On disk.", SIZE, BYTES))
        .with_panel(chart("Readings per minute", "By event time and broker.", READINGS, stacked=True))
        .with_panel(rows("Brokers", "What is stored for each broker.", DELAYS, {"behind the present": SECONDS}))
        .with_panel(
            chart(
                "Refused per minute",
                "By the time of refusal; they are in dead-letters, too.",
                DEAD_LETTERS,
                stacked=True,
            )
        )
        .with_panel(rows("Reasons", "Why records were refused, since the beginning.", REASONS))
        .with_panel(rows("Latest refused", "With their first bytes, as received.", LATEST_REFUSED, width=24))
        .with_panel(
            chart(
                "Anomaly rate by hour",
                "Results of the hourly analytics, by broker.",
                HOURS,
                SHARE,
                interval="1h",
                width=24,
            )
        )
    )
