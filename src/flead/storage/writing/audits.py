"""What the auditor finds on one partition, stored with how far it has read: all of it or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from flead.learning.metrics import Confusion
from flead.records import Evaluation
from flead.storage.writing import copy_rows as rows_as
from flead.storage.writing.fleet_columns import FleetColumns
from flead.storage.writing.merge import add_evaluations, merge_detections
from flead.storage.writing.positions import Position, move
from flead.storage.writing.writer import COPIES


@dataclass(slots=True)
class Audit:
    """What some messages of one partition brought."""

    evaluations: Sequence[Evaluation] = ()
    """Confusion counts by version and broker, of these messages alone."""
    detections: Mapping[str, Confusion] = field(default_factory=dict)
    """The same of the devices' own alarms, by detector."""
    predictions: Sequence["Predicted"] = ()
    state: Mapping[str, bytes] = field(default_factory=dict)
    """What has changed of the partition's state, by key."""


@dataclass(slots=True)
class Predicted:
    """Single predictions of one global model; all arrays (N,)."""

    version: int
    rows: NDArray[np.int32]
    probabilities: NDArray[np.float64]
    labels: NDArray[np.int8]
    times: NDArray[np.int64]


def store_audit(
    connection: Connection[Any], key: str, before: Position, after: Position, audit: Audit, fleet: FleetColumns
) -> None:
    """Add it to the store and move the position, in one transaction; MovedError if somebody else has."""
    blocks = [_rows(predicted, fleet) for predicted in audit.predictions if len(predicted.rows)]
    with connection.transaction(), connection.cursor() as cursor:
        move(cursor, key, before, after)
        if blocks:
            with cursor.copy(COPIES["model_evaluations"]) as copy:
                copy.write(rows_as.HEADER + b"".join(blocks) + rows_as.TRAILER)
        add_evaluations(cursor, audit.evaluations)
        merge_detections(cursor, audit.detections)
        cursor.executemany(_PUT_STATE, sorted(audit.state.items()))


def _rows(predicted: Predicted, fleet: FleetColumns) -> bytes:
    rows, probabilities, labels = predicted.rows, predicted.probabilities, predicted.labels
    return rows_as.encode(
        [
            rows_as.int4(np.full(len(rows), predicted.version)),
            fleet.ids(rows),
            fleet.brokers(rows),
            rows_as.float8(probabilities),
            rows_as.int4(labels),
            rows_as.boolean((probabilities >= 0.5) == (labels == 1)),
            rows_as.float8(np.maximum(probabilities, 1 - probabilities)),
            rows_as.moments(predicted.times),
        ]
    )


_PUT_STATE = """
    INSERT INTO pipeline_state (key, value) VALUES (%s, %b) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
