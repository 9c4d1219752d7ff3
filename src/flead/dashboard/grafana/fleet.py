"""The fleet at a glance: the eight published panels, what stands beside them, and the anomalies."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from flead.dashboard.grafana.panels import AMBER, RED, SHARE, VERSIONS, chart, number, page, rows

LOCAL_MODELS = 'SELECT coalesce(sum(models), 0)::bigint AS "local models" FROM broker_totals'
GLOBAL_MODELS = 'SELECT coalesce(max(global_version), 0) AS "global models" FROM federated_models'
ACTIVE_DEVICES = """
SELECT count(*) AS "active devices" FROM devices, data_clock WHERE last_seen >= clock - interval '1 hour'
"""
LATEST_ACCURACY = """
SELECT accuracy AS "reported by the devices" FROM federated_models ORDER BY global_version DESC LIMIT 1
"""
MODELS_PER_MINUTE = """
SELECT $__timeGroupAlias(minute, $__interval), sum(models) * 60000.0 / $__interval_ms AS "models a minute"
FROM models_per_minute WHERE $__timeFilter(minute) GROUP BY 1 ORDER BY 1
"""
ACCURACY_TREND = (
    VERSIONS
    + """
SELECT moment AS "time", reported AS "reported by the devices", m.accuracy AS "on labelled readings",
       m.majority_accuracy AS "majority class"
FROM (SELECT moment, avg(accuracy) AS reported FROM versions GROUP BY moment) AS made
LEFT JOIN (SELECT moment, sum(true_positives) AS tp, sum(false_positives) AS fp, sum(true_negatives) AS tn,
                  sum(false_negatives) AS fn
           FROM tested GROUP BY moment) AS counts USING (moment)
LEFT JOIN LATERAL measures(tp, fp, tn, fn) AS m ON true
ORDER BY 1
"""
)
TOP_DEVICES = """
SELECT device_id AS "device", broker_id AS "broker", trainings, accuracy_sum / trainings AS "mean accuracy"
FROM devices WHERE trainings > 0 ORDER BY trainings DESC, device_id LIMIT 10
"""
RECENT_MODELS = """
SELECT global_version AS "version", created_at AS "made", num_devices AS "devices", accuracy, strategy
FROM federated_models ORDER BY global_version DESC LIMIT 10
"""
ANOMALIES_BY_BROKER = """
SELECT $__timeGroupAlias(minute, $__interval), 'broker ' || broker_id AS metric,
       sum(anomalies) * 60000.0 / $__interval_ms AS "anomalies"
FROM anomalies_per_minute WHERE $__timeFilter(minute) GROUP BY 1, 2 ORDER BY 1, 2
"""
ANOMALIES_BY_SEVERITY = """
SELECT $__timeGroupAlias(minute, $__interval),
       coalesce(sum(anomalies) FILTER (WHERE severity = 'warning'), 0) * 60000.0 / $__interval_ms AS "warning",
       coalesce(sum(anomalies) FILTER (WHERE severity = 'critical'), 0) * 60000.0 / $__interval_ms AS "critical"
FROM anomalies_per_minute WHERE $__timeFilter(minute) GROUP BY 1 ORDER BY 1
"""
NEWEST_CRITICALS = """
SELECT timestamp AS "time", device_id AS "device", broker_id AS "broker", channel, nullif(value, 'NaN') AS "value",
       z_score AS "score", mean AS "expected", std
FROM anomalies WHERE severity = 'critical' ORDER BY timestamp DESC LIMIT 20
"""


def fleet() -> Dashboard:
    """The dashboard that Grafana opens with."""
    return (
        page("flead-fleet", "FLEAD: fleet", "Devices, their models, the global model, and their anomalies")
        .with_panel(number("Local models", "Trainings of all devices since the beginning.", LOCAL_MODELS))
        .with_panel(number("Global models", "The newest version: they count from 1 without gaps.", GLOBAL_MODELS))
        .with_panel(
            number(
                "Active devices",
                "Devices with a reading in the last hour before the newest record.",
                ACTIVE_DEVICES,
            )
        )
        .with_panel(
            number(
                "Latest global accuracy",
                "As reported by the devices whose updates made the newest global model, weighted by samples. What it"
                " is worth on labelled readings is on the dashboard of model quality.",
                LATEST_ACCURACY,
                SHARE,
            )
        )
        .with_panel(
            chart("Models per minute", "Training rate: local models made per minute.", MODELS_PER_MINUTE, stacked=True)
        )
        .with_panel(
            chart(
                "Accuracy trend",
                "Of the global models by creation time: as reported, as measured by the auditor on readings that came"
                " later, and what always predicting the more frequent class would have reached.",
                ACCURACY_TREND,
                SHARE,
            )
        )
        .with_panel(rows("Top devices", "The devices that trained most often.", TOP_DEVICES, {"mean accuracy": SHARE}))
        .with_panel(rows("Recent global models", "The newest ten.", RECENT_MODELS, {"accuracy": SHARE}))
        .with_panel(chart("Anomalies per broker", "Flagged readings per minute.", ANOMALIES_BY_BROKER, stacked=True))
        .with_panel(
            chart(
                "Anomalies by severity",
                "Flagged readings per minute: warnings, and criticals, which are twice as far out.",
                ANOMALIES_BY_SEVERITY,
                stacked=True,
                colors={"warning": AMBER, "critical": RED},
            )
        )
        .with_panel(rows("Newest critical anomalies", "By event time.", NEWEST_CRITICALS, width=24))
    )
