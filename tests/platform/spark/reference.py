"""What the embedded pipeline makes of a stream, to hold Spark against: its counts, its predictions, its models."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg

from flead.codec.encode_readings import ReadingEncoder
from flead.columns import Devices
from flead.embedded.pipeline import Pipeline
from flead.evaluation.arrivals import Arrived
from flead.ingest.pace import Pace
from flead.ingest.sources import make_source
from flead.placement import broker_of, partition_of
from flead.records import GlobalModel
from flead.settings import Settings
from flead.shard.shard import Outcome, Shard
from flead.storage.writing.writer import Writer

ARRIVAL = int(time.time() * 1000) - 3_600_000
"""When reading 0 comes onto the bus; every later one comes two milliseconds after the one before it. Not long ago, or
Kafka would throw it away."""

MACHINE_ROWS = 500

COUNTS = """SELECT model_version, broker_id, true_positives, false_positives, true_negatives, false_negatives
            FROM evaluation_counts ORDER BY 1, 2"""
PREDICTIONS = """SELECT model_version, device_id, broker_id, created_at, prediction, actual_result, is_correct,
                        confidence
                 FROM model_evaluations ORDER BY 1, 2, 4"""
DETECTIONS = """SELECT detector, true_positives, false_positives, true_negatives, false_negatives
                FROM detection_counts"""


class Recorder(Pipeline):
    """A pipeline that remembers from which reading on each global model was tested."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.models: dict[int, tuple[int, GlobalModel]] = {}

    def _audit(self, outcome: Outcome, start: int, stop: int, model: GlobalModel | None) -> None:
        if model is not None:
            self.models.setdefault(model.version, (self.tally.readings + start, model))
        super()._audit(outcome, start, stop, model)


class Reference(NamedTuple):
    readings: list[tuple[int, bytes, int]]  # partition, message, arrival
    models: list[Arrived]
    counts: list[tuple[Any, ...]]
    predictions: list[tuple[Any, ...]]
    detections: list[tuple[Any, ...]]


def reference(settings: Settings, connection: psycopg.Connection[Any]) -> Reference:
    """Run ``settings.readings`` of the simulated fleet through the embedded pipeline, into this migrated database."""

    def place(device: str) -> int:
        return broker_of(device, settings.brokers, settings.devices_per_broker)

    def writer(shard: Shard) -> Writer:
        return Writer(connection, shard.devices, place)

    pipeline = Recorder(settings, make_source(settings), {}, writer)
    pipeline.run(Pace(None, 0), lambda tally: None)
    models = [Arrived(ARRIVAL + 2 * first - 1, model) for first, model in pipeline.models.values()]
    found = [connection.execute(query.encode()).fetchall() for query in (COUNTS, PREDICTIONS, DETECTIONS)]
    return Reference(_messages(settings), models, *found)


def machines(folder: Path, learner: str, **changes: Any) -> Settings:
    """Labelled recordings of eight machines with three sensors, written into the folder, and how to learn them.

    One partition, unless changed. Trainings end with a reading and never by time, so that it is certain which reading
    is the first to be judged with a new global model.
    """
    chance = np.random.default_rng(6)
    for machine in range(8):
        values = np.cumsum(chance.normal(0, 0.02, (MACHINE_ROWS, 3)), axis=0) + chance.normal(20, 1, (MACHINE_ROWS, 3))
        labels = np.zeros(MACHINE_ROWS, np.int8)
        for begin in chance.integers(200, MACHINE_ROWS - 30, 5):
            labels[begin : begin + 20] = 1
        values[labels == 1] += 5
        lines = [
            ",".join([str(second), *(f"{value:.4f}" for value in row), str(label)])
            for second, (row, label) in enumerate(zip(values.tolist(), labels.tolist(), strict=True))
        ]
        for second in chance.integers(200, MACHINE_ROWS, 30):
            time, _, *rest = lines[second].split(",")
            lines[second] = ",".join([time, "", *rest])  # a missing value
        (folder / f"machine_{machine}.csv").write_text("timestamp,a,b,c,label\n" + "\n".join(lines) + "\n")
    return Settings(**{
        "data": f"csv:{folder}", "readings": 8 * MACHINE_ROWS, "learner": learner, "brokers": 1, "partitions": 1,
        "devices_per_broker": 3, "buffer": 7, "predictions_per_version": 10_000, "train_seconds": 86_400,
        "training_rows": 100, "readings_per_day": 1440, "alarms_per_day": 50, **changes,
    })  # fmt: skip


def _messages(settings: Settings) -> list[tuple[int, bytes, int]]:
    source, devices = make_source(settings), Devices()
    source.open(devices, None)
    encoder, messages = ReadingEncoder(devices), list[tuple[int, bytes, int]]()
    while (left := (settings.readings or 0) - len(messages)) > 0:
        chunk = source.next_batch(min(left, 8192), None)
        assert chunk is not None
        text, bounds = encoder.lines(chunk.batch)
        for row, start, stop in zip(chunk.batch.rows.tolist(), bounds[:-1], bounds[1:], strict=True):
            partition = partition_of(
                devices.id(row), settings.partitions, settings.brokers, settings.devices_per_broker
            )
            messages.append((partition, text[start : stop - 1], ARRIVAL + 2 * len(messages)))
    return messages
