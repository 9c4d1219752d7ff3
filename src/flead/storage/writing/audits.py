"""What the auditor finds on one partition, stored with how far it has read: all of it or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from flead.learning.metrics import Confusion
from flead.records import Evaluation
from flead.storage.writing.copy_rows import copy_columns
from flead.storage.writing.fleet_columns import FleetColumns
from flead.storage.writing.merge import add_evaluations, merge_detections
from flead.storage.writing.positions import Position, move
from flead.storage.writing.tables import Predicted, model_evaluations


@dataclass(slots=True)
class Audit:
    """What some messages of one partition brought."""

    evaluations: Sequence[Evaluation] = ()
    """Confusion counts by version and broker, of these messages alone."""
    detections: Mapping[str, Confusion] = field(default_factory=dict)
    """The same of the devices' own alarms, by detector."""
    predictions: Sequence[Predicted] = ()
    state: Mapping[str, bytes] = field(default_factory=dict)
    """What has changed of the partition's state, by key."""


def store_audit(
    connection: Connection[Any], key: str, before: Position, after: Position, audit: Audit, fleet: FleetColumns
) -> None:
    """Add it to the store and move the position, in one transaction; MovedError if somebody else has."""
    predictions = [model_evaluations(predicted, fleet) for predicted in audit.predictions if len(predicted.rows)]
    with connection.transaction(), connection.cursor() as cursor:
        move(cursor, key, before, after)
        for columns in predictions:
            copy_columns(cursor, "model_evaluations", columns)
        add_evaluations(cursor, audit.evaluations)
        merge_detections(cursor, audit.detections)
        cursor.executemany(_PUT_STATE, sorted(audit.state.items()))


_PUT_STATE = """
    INSERT INTO pipeline_state (key, value) VALUES (%s, %b) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
