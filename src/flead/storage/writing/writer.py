"""Writes what a pipeline makes: rows, their sums, and the pipeline's own state, all in one transaction.

After a commit everything that was added is in the database; before, and after a failure, nothing of it is. So a
pipeline that goes on from the state that it finds there (:func:`flead.storage.writing.state.load_state`) writes no row
twice and loses none.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString

from psycopg import Connection

from flead.columns import Batch, Devices
from flead.learning.metrics import Confusion
from flead.records import Evaluation, Flagged, GlobalModel, LocalModels, Rejected
from flead.storage.migrations.retention import Retention
from flead.storage.text import clean
from flead.storage.timescaledb import views_among
from flead.storage.writing import copy_rows, tables
from flead.storage.writing.alarms import AlarmRules, AlarmSums
from flead.storage.writing.copy_rows import Columns
from flead.storage.writing.fleet_columns import FleetColumns
from flead.storage.writing.merge import (
    MINUTES,
    merge_detections,
    merge_devices,
    merge_evaluations,
    merge_global_models,
    merge_minutes,
    merge_reasons,
)
from flead.storage.writing.sums import DeviceSums, MinuteSums
from flead.storage.writing.tables import Points, Predicted

REASON_LENGTH = 200
"""Reasons are counted by so many first characters, and kept whole with what was refused."""

DEFAULT_RULES = AlarmRules()


class Writer:
    """Collects rows in memory and writes them with :meth:`commit`.

    ``rows`` of what is given are rows of ``devices``; its arrays may be changed once a method has returned.
    ``connection`` becomes the writer's own and is put into autocommit mode,
    so that a commit is one transaction; ``broker_of`` gives the broker of a device id; ``rules`` say which anomalies
    are alarms. Not for several threads at once.
    """

    def __init__(
        self,
        connection: Connection[Any],
        devices: Devices,
        broker_of: Callable[[str], int],
        rules: AlarmRules = DEFAULT_RULES,
    ) -> None:
        connection.autocommit = True
        self._connection = connection
        self._devices = devices
        self._fleet = FleetColumns(devices, broker_of)
        self._device_sums = DeviceSums()
        self._views = views_among(connection, MINUTES)
        self._alarms = AlarmSums(rules)
        self._retention = Retention(connection)
        self._start()

    def _start(self) -> None:
        self._device_sums.clear()
        self._alarms.clear()
        self._minute_sums = MinuteSums()
        self._copies: defaultdict[tuple[str, ...], list[bytes]] = defaultdict(list)
        """Rows, encoded, by their table and the names of its columns."""
        self._global_models: list[GlobalModel] = []
        self._evaluations: dict[tuple[int, int], Evaluation] = {}
        self._detections: dict[str, Confusion] = {}
        self._statements: list[tuple[LiteralString, tuple[Any, ...]]] = []
        self._reasons: Counter[str] = Counter()
        self._state: dict[str, bytes] = {}

    def add_readings(self, batch: Batch) -> None:
        """Count readings. They are not stored; ``add_signal`` stores some."""
        if batch.size:
            self._device_sums.grow(len(self._devices))
            self._device_sums.add_readings(batch.rows, batch.times)
            self._minute_sums.add_readings(self._fleet.broker_numbers(batch.rows), batch.times)

    def add_anomalies(self, flagged: Flagged) -> None:
        """Flagged readings; a NaN mean, std or threshold becomes NULL, a NaN value stays NaN."""
        if len(flagged.rows):
            self._device_sums.grow(len(self._devices))
            self._device_sums.add_anomalies(flagged)
            self._minute_sums.add_anomalies(self._fleet.broker_numbers(flagged.rows), flagged)
            self._alarms.add(flagged)
            self._add("anomalies", tables.anomalies(flagged, self._fleet))

    def add_local_models(self, models: LocalModels) -> None:
        """Trainings, a device's in their order.

        ValueError if an accuracy is not between 0 and 1: one NaN would spoil every later mean.
        """
        if len(models.rows) == 0:
            return
        wrong = ~((models.accuracies >= 0) & (models.accuracies <= 1))
        if wrong.any():
            raise ValueError(f"a local model's accuracy is {models.accuracies[wrong][0]}, not between 0 and 1")
        self._device_sums.grow(len(self._devices))
        self._device_sums.add_trainings(models)
        self._minute_sums.add_models(self._fleet.broker_numbers(models.rows), models)
        self._add("local_models", tables.local_models(models, self._fleet))

    def add_signal(self, points: Points) -> None:
        """Readings to keep; a NaN mean or std is stored as NULL."""
        if len(points.rows):
            self._add("signal", tables.signal(points, self._fleet))

    def add_predictions(self, predicted: Predicted) -> None:
        """Single predictions of global models."""
        if len(predicted.rows):
            self._add("model_evaluations", tables.model_evaluations(predicted, self._fleet))

    def add_global_models(self, models: Sequence[GlobalModel]) -> None:
        """New global models. A version that is stored already is replaced: a replay changes nothing."""
        self._global_models.extend(models)

    def add_rolled_back(self, request: int, version: int) -> None:
        """A request to go back is fulfilled: its model is in force again as this version."""
        query = "UPDATE rollback_requests SET new_version = %s, done_at = now() WHERE id = %s"
        self.add_statement(query, (version, request))

    def add_statement(self, query: LiteralString, values: tuple[Any, ...]) -> None:
        """A change of a few rows that belongs to the next commit."""
        self._statements.append((query, values))

    def add_evaluations(self, evaluations: Sequence[Evaluation]) -> None:
        """The confusion counts of versions and brokers so far, which replace the former ones."""
        self._evaluations.update({(each.model_version, each.broker_id): each for each in evaluations})

    def add_detections(self, detector: str, counts: Confusion) -> None:
        """What the devices' own alarms came to on labelled readings; added to what is stored."""
        self._detections[detector] = self._detections.get(detector, Confusion()).plus(counts)

    def add_rejected(self, rejected: Sequence[Rejected]) -> None:
        """What was refused, with its bytes as they came."""
        if rejected:
            self._add("rejected", tables.rejected(rejected))
            self._reasons.update(clean(r.reason)[:REASON_LENGTH] for r in rejected)

    def put_state(self, blocks: Mapping[str, bytes]) -> None:
        """Blocks of the pipeline's state by key; those of other keys stay as they are."""
        self._state.update(blocks)

    def commit(self) -> None:
        """Write everything that was added since the last commit, in one transaction.

        If it fails, nothing is written, what was added is forgotten, and the error goes to the caller: whoever goes
        on, goes on from the stored state.
        """
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                for (table, *names), blocks in self._copies.items():
                    copy_rows.copy(cursor, table, names, blocks)
                merge_global_models(cursor, self._global_models)
                for query, some in groupby(self._statements, key=itemgetter(0)):
                    cursor.executemany(query, [values for _, values in some])
                merge_devices(cursor, self._device_sums, self._fleet)
                merge_minutes(cursor, self._minute_sums, self._views)
                self._alarms.merge(cursor, self._fleet)
                merge_evaluations(cursor, self._evaluations.values())
                merge_detections(cursor, self._detections)
                merge_reasons(cursor, self._reasons)
                if self._state:
                    cursor.executemany(_PUT_STATE, sorted(self._state.items()))
        finally:
            self._start()
        self._retention.forget_when_due()

    def rollback(self) -> None:
        """Forget everything that was added since the last commit."""
        self._start()

    def _add(self, table: str, columns: Columns) -> None:
        self._copies[table, *columns].append(copy_rows.encode(list(columns.values())))


_PUT_STATE = """
    INSERT INTO pipeline_state (key, value) VALUES (%s, %b) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
