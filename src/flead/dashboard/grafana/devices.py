"""One device: its signal, its anomalies and its trainings."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from flead.dashboard.grafana.panels import AMBER, BROKER, RED, SHARE, chart, number, page, rows, variable

_DEVICE = "device_id = ${device:sqlstring}"
_CHANNEL = f"{_DEVICE} AND channel = ${{channel:sqlstring}}"

NOW = f"""
SELECT state AS "state", readings AS "readings", anomalies AS "anomalies", trainings AS "trainings",
       model_version AS "model", last_seen AS "last seen"
FROM device_states WHERE {_DEVICE}
"""
SIGNAL = f"""
SELECT "timestamp" AS "time", value AS "value", mean AS "expected",
       mean - 2.5 * std AS "lower", mean + 2.5 * std AS "upper"
FROM signal WHERE {_CHANNEL} AND $__timeFilter("timestamp") ORDER BY 1
"""
SCORES = f"""
SELECT "timestamp" AS "time",
       CASE WHEN severity = 'warning' THEN z_score END AS "warning",
       CASE WHEN severity = 'critical' THEN z_score END AS "critical"
FROM anomalies WHERE {_CHANNEL} AND $__timeFilter("timestamp") ORDER BY 1
"""
TRAININGS = f"""
SELECT created_at AS "time", accuracy AS "accuracy", loss AS "loss"
FROM local_models WHERE {_DEVICE} AND $__timeFilter(created_at) ORDER BY 1
"""
HOURS = f"""
SELECT hour AS "time", mean AS "mean", minimum AS "minimum", maximum AS "maximum"
FROM hourly_analytics WHERE {_CHANNEL} AND $__timeFilter(hour) ORDER BY 1
"""
ANOMALIES = f"""
SELECT "timestamp" AS "time", channel, nullif(value, 'NaN') AS "value", z_score AS "score", severity,
       mean AS "expected", std, threshold, detector
FROM anomalies WHERE {_DEVICE} AND $__timeFilter("timestamp") ORDER BY "timestamp" DESC LIMIT 100
"""
MODELS = f"""
SELECT created_at AS "time", model_version AS "model", global_version AS "from global model",
       samples_processed AS "readings", accuracy, loss
FROM local_models WHERE {_DEVICE} AND $__timeFilter(created_at)
ORDER BY created_at DESC, model_version DESC LIMIT 50
"""


def devices() -> Dashboard:
    """One device at a time, chosen above."""
    return (
        page("flead-devices", "FLEAD: devices", "One device: its signal, what was flagged and why, how it trained")
        .with_variable(BROKER)
        .with_variable(
            variable(
                "device",
                "Device",
                "SELECT device_id FROM devices WHERE broker_id IN (${broker:csv})"
                " ORDER BY length(device_id), device_id LIMIT 10000",
            )
        )
        .with_variable(
            variable(
                "channel",
                "Channel",
                f"SELECT unnest(channels) FROM devices WHERE {_DEVICE}",
            )
        )
        .with_panel(number("Now", "By the data's clock, the event time of the newest record.", NOW, width=24))
        .with_panel(
            chart(
                "Signal",
                "Stored readings, and the band of 2.5 standard deviations around the mean of the window before each.",
                SIGNAL,
                interval="1s",
                width=24,
            )
        )
        .with_panel(
            chart(
                "Flagged readings",
                "How many standard deviations each was away.",
                SCORES,
                interval="1s",
                colors={"warning": AMBER, "critical": RED},
            )
        )
        .with_panel(
            chart(
                "Trainings",
                "Accuracy and loss of each training batch, before the model learnt from it.",
                TRAININGS,
                interval="1s",
            )
        )
        .with_panel(rows("Anomalies", "With the window that each reading was judged by.", ANOMALIES))
        .with_panel(rows("Local models", "The newest fifty in the time range shown.", MODELS, {"accuracy": SHARE}))
        .with_panel(chart("Hours", "Results of the hourly analytics.", HOURS, interval="1h", width=24))
    )
