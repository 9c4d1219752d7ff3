"""The global models: what their contributors reported and what the auditor measured."""

from typing import Any

from psycopg import Connection

from flead.storage.queries.common import bounded, fetch, fetch_parameters
from flead.storage.queries.rows import EvaluationRow, GlobalModelRow, ModelParameters, TrendPoint, VersionRow

_EVALUATION = """model_version AS version, readings, true_positives, false_positives, true_negatives, false_negatives,
    accuracy, majority_accuracy, precision, recall, f1, false_alarm_rate, missed_alarm_rate,
    milliseconds(updated_at) AS updated_at"""


POOLED = 5
"""Versions on either side whose counts an accuracy's trend is smoothed with."""


def accuracy_trend(connection: Connection[Any], limit: int = 100) -> list[TrendPoint]:
    """The newest ``limit`` global models with what the auditor measured, oldest first.

    Of one version there are few labelled readings, so its measures are those of the counts pooled over it and its
    neighbours, ``POOLED`` on either side.
    """
    # Joined with the view version_evaluations, the sums of all versions would be made before the newest are chosen.
    newest = fetch(
        connection,
        TrendPoint,
        f"""
        SELECT version, created_at, reported_accuracy, e.accuracy, e.majority_accuracy, e.f1, e.false_alarm_rate
        FROM (
            SELECT f.global_version AS version, milliseconds(f.created_at) AS created_at,
                   f.accuracy AS reported_accuracy, sum(c.tp) OVER near AS tp, sum(c.fp) OVER near AS fp,
                   sum(c.tn) OVER near AS tn, sum(c.fn) OVER near AS fn
            FROM (SELECT * FROM federated_models ORDER BY global_version DESC LIMIT %(limit)s) AS f
            LEFT JOIN LATERAL (
                SELECT sum(true_positives) AS tp, sum(false_positives) AS fp,
                       sum(true_negatives) AS tn, sum(false_negatives) AS fn
                FROM evaluation_counts WHERE model_version = f.global_version) AS c ON true
            WINDOW near AS (ORDER BY f.global_version ROWS BETWEEN {POOLED} PRECEDING AND {POOLED} FOLLOWING)
        ) AS pooled, measures(tp, fp, tn, fn) AS e
        ORDER BY version DESC
        """,
        limit=bounded(limit),
    )
    return newest[::-1]


def global_models(connection: Connection[Any], limit: int = 10, before: int | None = None) -> list[GlobalModelRow]:
    """The newest global models, newest first; those older than version ``before`` if it is given."""
    return fetch(
        connection,
        GlobalModelRow,
        """
        SELECT global_version AS version, aggregation_round, num_devices, accuracy, strategy,
               milliseconds(created_at) AS created_at, restored_version, epsilon
        FROM federated_models WHERE %(before)s::bigint IS NULL OR global_version < %(before)s
        ORDER BY global_version DESC LIMIT %(limit)s
        """,
        limit=bounded(limit),
        before=before,
    )


def versions(
    connection: Connection[Any], limit: int = 50, before: int | None = None, version: int | None = None
) -> list[VersionRow]:
    """The newest global models with what the auditor measured, newest first.

    Those older than version ``before`` if it is given; ``version`` is the only one then.
    """
    return fetch(
        connection,
        VersionRow,
        """
        SELECT f.global_version AS version, aggregation_round, num_devices, f.accuracy, strategy,
               milliseconds(created_at) AS created_at, restored_version, epsilon,
               coalesce(e.readings, 0) AS evaluated,
               e.accuracy AS measured_accuracy, e.majority_accuracy, e.precision, e.recall, e.f1, e.false_alarm_rate
        FROM federated_models AS f
        LEFT JOIN LATERAL (
            SELECT m.*
            FROM (SELECT sum(true_positives) AS tp, sum(false_positives) AS fp,
                         sum(true_negatives) AS tn, sum(false_negatives) AS fn
                  FROM evaluation_counts WHERE model_version = f.global_version) AS counts,
                 measures(tp, fp, tn, fn) AS m) AS e ON true
        WHERE (%(before)s::bigint IS NULL OR global_version < %(before)s)
          AND (%(version)s::bigint IS NULL OR global_version = %(version)s)
        ORDER BY f.global_version DESC LIMIT %(limit)s
        """,
        limit=bounded(limit),
        before=before,
        version=version,
    )


def global_parameters(connection: Connection[Any], version: int) -> ModelParameters | None:
    """The parameters of a global model; None if there is no such version."""
    return fetch_parameters(
        connection,
        """
        SELECT global_version, parameters, layout FROM federated_models WHERE global_version = %(version)s::bigint
        """,
        version=version,
    )


def evaluations(connection: Connection[Any], limit: int = 20) -> list[EvaluationRow]:
    """Quality of the newest evaluated global models, newest first, over all brokers."""
    return fetch(
        connection,
        EvaluationRow,
        f"""
        SELECT {_EVALUATION} FROM version_evaluations
        WHERE model_version >= (
            SELECT min(model_version)
            FROM (SELECT DISTINCT model_version FROM evaluation_counts
                  ORDER BY model_version DESC LIMIT %(limit)s) AS newest)
        ORDER BY model_version DESC LIMIT %(limit)s
        """,
        limit=bounded(limit),
    )
