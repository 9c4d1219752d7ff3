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

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from flead.columns import Batch, Devices
from flead.learning.metrics import Confusion
from flead.records import Evaluation, GlobalModel, Rejected
from flead.storage.migrations.retention import Retention
from flead.storage.parameters import Layout, layout_text, size
from flead.storage.server.timescaledb import views_among
from flead.storage.text import clean
from flead.storage.writing import copy_rows as rows_as
from flead.storage.writing.alarms import AlarmRules, AlarmSums
from flead.storage.writing.copy_rows import Whole
from flead.storage.writing.fleet_columns import FleetColumns
from flead.storage.writing.merge import (
    MINUTES,
    SEVERITIES,
    merge_detections,
    merge_devices,
    merge_evaluations,
    merge_global_models,
    merge_minutes,
    merge_reasons,
)
from flead.storage.writing.sums import DeviceSums, MinuteSums

Rows = NDArray[np.int32]
Times = NDArray[np.int64]
Floats = NDArray[np.float64]

REASON_LENGTH = 200
"""Reasons are counted by so many first characters, and kept whole with what was refused."""

DEFAULT_RULES = AlarmRules()

COPIES: dict[str, LiteralString] = {
    "local_models": """COPY local_models (device_id, broker_id, model_version, global_version, accuracy, loss,
        samples_processed, parameters, layout, created_at) FROM STDIN (FORMAT binary)""",
    "model_evaluations": """COPY model_evaluations (model_version, device_id, broker_id, prediction, actual_result,
        is_correct, confidence, created_at) FROM STDIN (FORMAT binary)""",
    "anomalies": """COPY anomalies (device_id, broker_id, channel, value, z_score, severity, detector, mean, std,
        threshold, contributions, timestamp) FROM STDIN (FORMAT binary)""",
    "signal": "COPY signal (device_id, channel, value, mean, std, timestamp) FROM STDIN (FORMAT binary)",
    "rejected": "COPY rejected (source, location, reason, raw) FROM STDIN (FORMAT binary)",
}


class Writer:
    """Collects rows in memory and writes them with :meth:`commit`.

    Columns have one length, N. ``rows`` are rows of ``devices``, ``times`` milliseconds since the epoch; the arrays
    may be changed once a method has returned. ``connection`` becomes the writer's own and is put into autocommit mode,
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
        self._copies: defaultdict[str, list[bytes]] = defaultdict(list)
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

    def add_anomalies(
        self,
        rows: Rows,
        channels: Whole,
        values: Floats,
        scores: Floats,
        critical: NDArray[np.bool_],
        times: Times,
        means: Floats,
        stds: Floats,
        detector: str,
        threshold: float | NDArray[np.float64],
        contributions: Sequence[dict[str, float] | None] | None = None,
    ) -> None:
        """Flagged readings. ``channels`` number the device's channels; a NaN mean, std or threshold becomes NULL.

        The value of a reading that was kept where it was made is NaN, and stays so.
        ``contributions`` are the channels' shares in the scores, by name.
        """
        if len(rows) == 0:
            return
        count = len(rows)
        self._device_sums.grow(len(self._devices))
        self._device_sums.add_anomalies(rows, times, critical)
        self._minute_sums.add_anomalies(self._fleet.broker_numbers(rows), times, critical)
        self._alarms.add(detector, threshold, rows, channels, values, scores, critical, times, means, stds)
        self._add(
            "anomalies",
            self._fleet.ids(rows),
            self._fleet.brokers(rows),
            self._fleet.channel(rows, channels),
            rows_as.float8(values),
            rows_as.float8(scores),
            rows_as.words([severity.encode() for severity in SEVERITIES], critical.astype(np.int64)),
            rows_as.same(clean(detector).encode(), count),
            rows_as.float8_or_null(means),
            rows_as.float8_or_null(stds),
            rows_as.float8_or_null(np.full(count, threshold)),
            rows_as.jsonb_or_null(contributions or [None] * count),
            rows_as.moments(times),
        )

    def add_local_models(
        self,
        rows: Rows,
        versions: Whole,
        global_versions: Whole,
        accuracies: Floats,
        losses: Floats,
        samples: Whole,
        parameters: Floats,
        layouts: Sequence[Layout],
        layout: Whole,
        times: Times,
    ) -> None:
        """Trainings, a device's in their order.

        ``parameters`` is (N, P), each row laid out as ``layouts[layout[i]]`` says; what lies behind is not stored.

        ValueError if an accuracy is not between 0 and 1: one NaN would spoil every later mean.
        """
        if len(rows) == 0:
            return
        wrong = ~((accuracies >= 0) & (accuracies <= 1))
        if wrong.any():
            raise ValueError(f"a local model's accuracy is {accuracies[wrong][0]}, not between 0 and 1")
        self._device_sums.grow(len(self._devices))
        self._device_sums.add_trainings(rows, times, versions, accuracies, losses)
        self._minute_sums.add_models(self._fleet.broker_numbers(rows), times, accuracies)
        self._add(
            "local_models",
            self._fleet.ids(rows),
            self._fleet.brokers(rows),
            rows_as.int4(versions),
            rows_as.int4(global_versions),
            rows_as.float8(accuracies),
            rows_as.float8(losses),
            rows_as.int4(samples),
            rows_as.float8_arrays(parameters, np.array([size(each) for each in layouts])[layout]),
            rows_as.words([layout_text(each).encode() for each in layouts], layout),
            rows_as.moments(times),
        )

    def add_signal(
        self, rows: Rows, channels: Whole, values: Floats, means: Floats, stds: Floats, times: Times
    ) -> None:
        """Readings to keep, with the window that each was judged by; a NaN mean or std is stored as NULL."""
        if len(rows):
            self._add(
                "signal",
                self._fleet.ids(rows),
                self._fleet.channel(rows, channels),
                rows_as.float8(values),
                rows_as.float8_or_null(means),
                rows_as.float8_or_null(stds),
                rows_as.moments(times),
            )

    def add_predictions(
        self,
        rows: Rows,
        versions: Whole,
        probabilities: Floats,
        labels: Whole,
        times: Times,
    ) -> None:
        """Single predictions of global models: the probability of an anomaly, and the ground truth, 0 or 1."""
        if len(rows):
            self._add(
                "model_evaluations",
                rows_as.int4(versions),
                self._fleet.ids(rows),
                self._fleet.brokers(rows),
                rows_as.float8(probabilities),
                rows_as.int4(labels),
                rows_as.boolean((probabilities >= 0.5) == (labels == 1)),
                rows_as.float8(np.maximum(probabilities, 1 - probabilities)),
                rows_as.moments(times),
            )

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
            every = np.arange(len(rejected))
            texts = [[clean(text).encode() for text in (r.source, r.location, r.reason)] for r in rejected]
            columns = [rows_as.words(column, every) for column in zip(*texts, strict=True)]
            self._add("rejected", *columns, rows_as.words([r.raw for r in rejected], every))
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
                for table, rows in self._copies.items():
                    with cursor.copy(COPIES[table]) as copy:
                        copy.write(rows_as.HEADER)
                        for block in rows:
                            copy.write(block)
                        copy.write(rows_as.TRAILER)
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

    def _add(self, table: str, *fields: rows_as.Field) -> None:
        self._copies[table].append(rows_as.encode(fields))


_PUT_STATE = """
    INSERT INTO pipeline_state (key, value) VALUES (%s, %b) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
