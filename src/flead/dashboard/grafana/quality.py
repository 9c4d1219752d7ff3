"""What the global models are worth on labelled readings that they were not trained on."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from flead.dashboard.grafana.panels import BROKER, SHARE, VERSIONS, chart, number, page, rows

MEASURES = (
    "accuracy", "majority class", "F1", "precision", "recall", "false alarms", "missed alarms"
)  # fmt: skip
UNITS = dict.fromkeys(MEASURES, SHARE)

_MEASURES = """accuracy, majority_accuracy AS "majority class", f1 AS "F1", precision, recall,
       false_alarm_rate AS "false alarms", missed_alarm_rate AS "missed alarms\""""

NEWEST = f"""
SELECT {_MEASURES} FROM (
    SELECT sum(true_positives) AS tp, sum(false_positives) AS fp, sum(true_negatives) AS tn, sum(false_negatives) AS fn
    FROM evaluation_counts WHERE broker_id IN (${{broker:csv}})
      AND model_version > (SELECT max(model_version) - 20 FROM evaluation_counts)) AS counts,
    measures(tp, fp, tn, fn)
"""
_BY_TIME = """
FROM (SELECT moment AS "time", sum(true_positives) AS tp, sum(false_positives) AS fp,
             sum(true_negatives) AS tn, sum(false_negatives) AS fn
      FROM tested WHERE broker_id IN (${broker:csv}) GROUP BY moment) AS counts,
     measures(tp, fp, tn, fn) ORDER BY 1
"""
ACCURACY = VERSIONS + 'SELECT "time", accuracy AS "accuracy", majority_accuracy AS "majority class"' + _BY_TIME
F1 = VERSIONS + 'SELECT "time", f1 AS "F1", precision AS "precision", recall AS "recall"' + _BY_TIME
ALARMS = VERSIONS + 'SELECT "time", false_alarm_rate AS "false alarms", missed_alarm_rate AS "missed alarms"' + _BY_TIME
F1_BY_BROKER = (
    VERSIONS
    + """
SELECT moment AS "time", 'broker ' || broker_id AS metric,
       2.0 * sum(true_positives)
           / nullif(2 * sum(true_positives) + sum(false_positives) + sum(false_negatives), 0) AS "F1"
FROM tested WHERE broker_id IN (${broker:csv}) GROUP BY moment, broker_id ORDER BY 1, 2
"""
)
BY_VERSION = f"""
SELECT model_version AS "version", broker_id AS "broker", readings, {_MEASURES}
FROM broker_evaluations
WHERE broker_id IN (${{broker:csv}}) AND model_version > (SELECT max(model_version) - 25 FROM evaluation_counts)
ORDER BY model_version DESC, broker_id
"""
PREDICTIONS = """
SELECT created_at AS "time", model_version AS "version", device_id AS "device", broker_id AS "broker",
       prediction AS "probability of an anomaly", actual_result AS "actual", is_correct AS "correct", confidence
FROM model_evaluations
WHERE model_version > (SELECT max(model_version) - 2 FROM evaluation_counts) AND broker_id IN (${broker:csv})
ORDER BY model_version DESC, created_at DESC LIMIT 50
"""


def quality() -> Dashboard:
    """The auditor's results, by version and broker."""
    about = "Only labelled readings that came after a model was made count. An accuracy means something only above that"
    return (
        page("flead-quality", "FLEAD: model quality", f"{about} of the majority class.")
        .with_variable(BROKER)
        .with_panel(
            number(
                "The newest twenty versions",
                "All their counts together. None: there is nothing to divide by yet.",
                NEWEST,
                SHARE,
                width=24,
            )
        )
        .with_panel(chart("Accuracy against the majority", f"{about} line.", ACCURACY, SHARE))
        .with_panel(chart("F1, precision, recall", "Of the alarms of the global models.", F1, SHARE))
        .with_panel(
            chart(
                "False and missed alarms",
                "Normal readings called anomalies, and anomalies called normal, each as a share of its class.",
                ALARMS,
                SHARE,
            )
        )
        .with_panel(
            chart(
                "F1 by broker",
                "The models are global, but the devices of different brokers may differ.",
                F1_BY_BROKER,
                SHARE,
            )
        )
        .with_panel(rows("By version and broker", "The newest twenty-five versions.", BY_VERSION, UNITS, width=24))
        .with_panel(
            rows(
                "Single predictions",
                "A sample for the newest versions; the measures above count all predictions.",
                PREDICTIONS,
                {"probability of an anomaly": SHARE, "confidence": SHARE},
                width=24,
            )
        )
    )
