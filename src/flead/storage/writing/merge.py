"""Adds what a transaction brought to the sums in the database.

Every statement takes its rows in the order of their keys, so that two writers never wait for each other in a circle.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, LiteralString

from psycopg import Cursor

from flead.learning.metrics import Confusion
from flead.records import Evaluation, GlobalModel, to_milliseconds
from flead.storage.parameters import flatten
from flead.storage.text import clean
from flead.storage.writing.copy_rows import copy_columns, float8, float8_or_null, int4, int8, moments
from flead.storage.writing.fleet_columns import FleetColumns
from flead.storage.writing.sums import NEVER, DeviceSums, Minute, MinuteSums
from flead.storage.writing.tables import SEVERITIES

MINUTES = ("readings_per_minute", "anomalies_per_minute", "models_per_minute")
"""The sums by minute; where TimescaleDB keeps some of them itself, they are views."""


def merge_devices(cursor: Cursor[Any], sums: DeviceSums, fleet: FleetColumns) -> None:
    """Bring the table ``devices`` up to date for the devices that did anything."""
    rows = sums.touched()
    if len(rows) == 0:
        return
    did = sums.records[rows]
    columns = {
        "device_id": fleet.ids(rows),
        "broker_id": fleet.brokers(rows),
        "channels": fleet.channels(rows),
        "first_seen": moments(did["first_seen"]),
        "last_seen": moments(did["last_seen"]),
        "readings": int8(did["readings"]),
        "anomalies": int8(did["anomalies"]),
        "last_warning": moments(did["last_warning"], did["last_warning"] == NEVER),
        "last_critical": moments(did["last_critical"], did["last_critical"] == NEVER),
        "trainings": int8(did["trainings"]),
        "accuracy_sum": float8(did["accuracy_sum"]),
        "model_version": int4(did["model_version"]),
        "accuracy": float8_or_null(did["accuracy"]),
        "loss": float8_or_null(did["loss"]),
    }
    cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS changes (LIKE devices) ON COMMIT DELETE ROWS")
    copy_columns(cursor, "changes", columns)
    # Two ids that differ only in what Postgres cannot hold are one device here, hence the GROUP BY.
    cursor.execute("""
        INSERT INTO devices AS d
        SELECT device_id, min(broker_id), min(channels), min(first_seen), max(last_seen), sum(readings), sum(anomalies),
               max(last_warning), max(last_critical), sum(trainings), sum(accuracy_sum), max(model_version),
               (max(ARRAY[model_version, accuracy, loss]) FILTER (WHERE trainings > 0))[2],
               (max(ARRAY[model_version, accuracy, loss]) FILTER (WHERE trainings > 0))[3]
        FROM changes GROUP BY device_id ORDER BY device_id
        ON CONFLICT (device_id) DO UPDATE SET
            broker_id = excluded.broker_id,
            channels = excluded.channels,
            first_seen = least(d.first_seen, excluded.first_seen),
            last_seen = greatest(d.last_seen, excluded.last_seen),
            readings = d.readings + excluded.readings,
            anomalies = d.anomalies + excluded.anomalies,
            last_warning = greatest(d.last_warning, excluded.last_warning),
            last_critical = greatest(d.last_critical, excluded.last_critical),
            trainings = d.trainings + excluded.trainings,
            accuracy_sum = d.accuracy_sum + excluded.accuracy_sum,
            model_version = greatest(d.model_version, excluded.model_version),
            accuracy = coalesce(excluded.accuracy, d.accuracy),
            loss = coalesce(excluded.loss, d.loss)
        """)


def merge_minutes(cursor: Cursor[Any], sums: MinuteSums, views: Container[str]) -> None:
    """Add to the sums by minute, except those that are ``views``, and to those of the whole past."""
    rows: dict[str, list[tuple[Any, ...]]] = {
        "readings_per_minute": [(*minute, number) for minute, number in sums.readings.items()],
        "anomalies_per_minute": [
            (*minute, severity, number)
            for severity, counts in zip(SEVERITIES, sums.anomalies, strict=True)
            for minute, number in counts.items()
        ],
        "models_per_minute": [(*minute, number, sums.accuracies[minute]) for minute, number in sums.models.items()],
    }
    for table, statement in _ADD_MINUTES.items():
        if table not in views:
            _execute(cursor, statement, rows[table])
    _execute(
        cursor,
        """
        INSERT INTO broker_totals AS t (broker_id, newest, readings, models, warnings, criticals)
        SELECT broker, timestamptz 'epoch' + newest * interval '1 millisecond', readings, models, warnings, criticals
        FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
             AS new (broker, newest, readings, models, warnings, criticals)
        ORDER BY broker
        ON CONFLICT (broker_id) DO UPDATE
        SET newest = greatest(t.newest, excluded.newest), readings = t.readings + excluded.readings,
            models = t.models + excluded.models, warnings = t.warnings + excluded.warnings,
            criticals = t.criticals + excluded.criticals
        """,
        [
            (broker, newest, *(_of(broker, counts) for counts in (sums.readings, sums.models, *sums.anomalies)))
            for broker, newest in sums.newest.items()
        ],
    )


def merge_evaluations(cursor: Cursor[Any], evaluations: Iterable[Evaluation]) -> None:
    """Replace the counts of these versions and brokers."""
    _execute(cursor, _PUT_EVALUATIONS + _REPLACE_COUNTS, [_counts(evaluation) for evaluation in evaluations])


def add_evaluations(cursor: Cursor[Any], evaluations: Iterable[Evaluation]) -> None:
    """Add to the counts of these versions and brokers, each of which comes once."""
    _execute(cursor, _PUT_EVALUATIONS + _ADD_COUNTS, [_counts(evaluation) for evaluation in evaluations])


def _counts(e: Evaluation) -> tuple[int, ...]:
    return (
        e.model_version, e.broker_id, e.true_positives, e.false_positives, e.true_negatives, e.false_negatives,
        to_milliseconds(e.timestamp),
    )  # fmt: skip


_PUT_EVALUATIONS: LiteralString = """
    INSERT INTO evaluation_counts AS c
    SELECT version, broker, tp, fp, tn, fn, timestamptz 'epoch' + updated * interval '1 millisecond'
    FROM unnest(%s::int[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
         AS new (version, broker, tp, fp, tn, fn, updated)
    ORDER BY version, broker
    ON CONFLICT (model_version, broker_id) DO UPDATE
    """
_REPLACE_COUNTS: LiteralString = """
    SET true_positives = excluded.true_positives, false_positives = excluded.false_positives,
        true_negatives = excluded.true_negatives, false_negatives = excluded.false_negatives,
        updated_at = excluded.updated_at
    """
_ADD_COUNTS: LiteralString = """
    SET true_positives = c.true_positives + excluded.true_positives,
        false_positives = c.false_positives + excluded.false_positives,
        true_negatives = c.true_negatives + excluded.true_negatives,
        false_negatives = c.false_negatives + excluded.false_negatives,
        updated_at = greatest(c.updated_at, excluded.updated_at)
    """


def merge_detections(cursor: Cursor[Any], detections: Mapping[str, Confusion]) -> None:
    """Add to what the devices' alarms were worth, by detector."""
    _execute(
        cursor,
        """
        INSERT INTO detection_counts AS c
        SELECT detector, tp, fp, tn, fn, coalesce(clock, now())
        FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
             AS new (detector, tp, fp, tn, fn), data_clock
        ORDER BY detector
        ON CONFLICT (detector) DO UPDATE
        SET true_positives = c.true_positives + excluded.true_positives,
            false_positives = c.false_positives + excluded.false_positives,
            true_negatives = c.true_negatives + excluded.true_negatives,
            false_negatives = c.false_negatives + excluded.false_negatives, updated_at = excluded.updated_at
        """,
        [(clean(detector), *counts) for detector, counts in detections.items()],
    )


def merge_global_models(cursor: Cursor[Any], models: Sequence[GlobalModel]) -> None:
    """Put global models, each in the place of an equal version."""
    if models:
        cursor.executemany(_PUT_GLOBAL_MODEL, [_columns(model) for model in models])


def merge_reasons(cursor: Cursor[Any], reasons: Mapping[str, int]) -> None:
    """Add to the number of records refused for each reason."""
    _execute(
        cursor,
        """
        INSERT INTO rejected_per_reason AS r SELECT * FROM unnest(%s::text[], %s::bigint[]) AS new (reason, number)
        ORDER BY reason ON CONFLICT (reason) DO UPDATE SET rejected = r.rejected + excluded.rejected
        """,
        list(reasons.items()),
    )


_MINUTE = "timestamptz 'epoch' + minute * interval '1 minute'"
_ADD_MINUTES: dict[str, LiteralString] = {
    "readings_per_minute": f"""
        INSERT INTO readings_per_minute AS m (minute, broker_id, readings)
        SELECT {_MINUTE}, broker, number
        FROM unnest(%s::bigint[], %s::int[], %s::bigint[]) AS new (minute, broker, number) ORDER BY minute, broker
        ON CONFLICT (minute, broker_id) DO UPDATE SET readings = m.readings + excluded.readings
        """,
    "anomalies_per_minute": f"""
        INSERT INTO anomalies_per_minute AS m (minute, broker_id, severity, anomalies)
        SELECT {_MINUTE}, broker, severity, number
        FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::bigint[]) AS new (minute, broker, severity, number)
        ORDER BY minute, broker, severity
        ON CONFLICT (minute, broker_id, severity) DO UPDATE SET anomalies = m.anomalies + excluded.anomalies
        """,
    "models_per_minute": f"""
        INSERT INTO models_per_minute AS m (minute, broker_id, models, accuracy_sum)
        SELECT {_MINUTE}, broker, number, accuracies
        FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::double precision[])
             AS new (minute, broker, number, accuracies)
        ORDER BY minute, broker
        ON CONFLICT (minute, broker_id) DO UPDATE
        SET models = m.models + excluded.models, accuracy_sum = m.accuracy_sum + excluded.accuracy_sum
        """,
}


def _of(broker: int, counts: Mapping[Minute, int]) -> int:
    return sum(number for (_, of), number in counts.items() if of == broker)


def _execute(cursor: Cursor[Any], statement: LiteralString, rows: Sequence[tuple[Any, ...]]) -> None:
    """Execute a statement whose parameters are the columns of these rows, if there are any."""
    if rows:
        cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])


_PUT_GLOBAL_MODEL = """
    INSERT INTO federated_models
        (global_version, aggregation_round, num_devices, accuracy, strategy, parameters, layout, created_at,
         restored_version, epsilon)
    VALUES (%s, %s, %s, %s, %s, %b::double precision[], %s, timestamptz 'epoch' + %s * interval '1 millisecond', %s, %s)
    ON CONFLICT (global_version) DO UPDATE
    SET aggregation_round = excluded.aggregation_round, num_devices = excluded.num_devices,
        accuracy = excluded.accuracy, strategy = excluded.strategy, parameters = excluded.parameters,
        layout = excluded.layout, created_at = excluded.created_at, restored_version = excluded.restored_version,
        epsilon = excluded.epsilon
"""


def _columns(model: GlobalModel) -> tuple[Any, ...]:
    numbers, layout = flatten(model.parameters)
    return (
        model.version,
        model.aggregation_round,
        model.num_devices,
        model.global_accuracy,
        clean(model.strategy),
        numbers,
        clean(layout),
        to_milliseconds(model.timestamp),
        model.restored_version,
        model.epsilon,
    )
