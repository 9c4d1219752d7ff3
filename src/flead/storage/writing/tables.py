"""The tables whose rows are only ever added: what a row is made of, column by column.

A column stands here once: its name in the database, and how it is made of the record that is given.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.records import Flagged, LocalModels, Rejected
from flead.storage.parameters import layout_text, size
from flead.storage.text import clean
from flead.storage.writing import copy_rows as rows_as
from flead.storage.writing.copy_rows import Columns, Whole
from flead.storage.writing.fleet_columns import FleetColumns

SEVERITIES = ("warning", "critical")


class Points(NamedTuple):
    """N readings to keep as points of their channels' signals, with the window that each was judged by."""

    rows: NDArray[np.int32]  # (N,) the device, as a row of the table of devices
    channels: Whole  # (N,) the number of the device's channel
    values: NDArray[np.float64]  # (N,) in the channel's unit
    means: NDArray[np.float64]  # (N,) in the channel's unit; NaN: not known
    stds: NDArray[np.float64]  # (N,) the same
    times: NDArray[np.int64]  # (N,) event time in milliseconds since the epoch


class Predicted(NamedTuple):
    """N single predictions of global models on labelled readings."""

    versions: NDArray[np.integer[Any]]  # (N,) of the global models
    rows: NDArray[np.int32]  # (N,) the device, as a row of the table of devices
    probabilities: NDArray[np.float64]  # (N,) of an anomaly, from 0 to 1
    labels: NDArray[np.integer[Any]]  # (N,) the ground truth, 0 or 1
    times: NDArray[np.int64]  # (N,) event time in milliseconds since the epoch


def anomalies(flagged: Flagged, fleet: FleetColumns) -> Columns:
    """``anomalies``. IndexError if a device has no channel of the given number."""
    return {
        "device_id": fleet.ids(flagged.rows),
        "broker_id": fleet.brokers(flagged.rows),
        "channel": fleet.channel(flagged.rows, flagged.channels),
        "value": rows_as.float8(flagged.values),
        "z_score": rows_as.float8(flagged.scores),
        "severity": rows_as.words([severity.encode() for severity in SEVERITIES], flagged.critical.astype(np.int64)),
        "detector": rows_as.same(clean(flagged.detector).encode(), len(flagged.rows)),
        "mean": rows_as.float8_or_null(flagged.means),
        "std": rows_as.float8_or_null(flagged.stds),
        "threshold": rows_as.float8_or_null(flagged.thresholds),
        "contributions": rows_as.jsonb_or_null(flagged.contributions),
        "timestamp": rows_as.moments(flagged.times),
    }


def local_models(models: LocalModels, fleet: FleetColumns) -> Columns:
    """``local_models``. OverflowError if a version or a number of samples is beyond 32 bits."""
    sizes = np.array([size(each) for each in models.layouts])
    return {
        "device_id": fleet.ids(models.rows),
        "broker_id": fleet.brokers(models.rows),
        "model_version": rows_as.int4(models.versions),
        "global_version": rows_as.int4(models.global_versions),
        "accuracy": rows_as.float8(models.accuracies),
        "loss": rows_as.float8(models.losses),
        "samples_processed": rows_as.int4(models.samples),
        "parameters": rows_as.float8_arrays(models.parameters, sizes[models.layout]),
        "layout": rows_as.words([layout_text(each).encode() for each in models.layouts], models.layout),
        "created_at": rows_as.moments(models.times),
    }


def signal(points: Points, fleet: FleetColumns) -> Columns:
    """``signal``. IndexError if a device has no channel of the given number."""
    return {
        "device_id": fleet.ids(points.rows),
        "channel": fleet.channel(points.rows, points.channels),
        "value": rows_as.float8(points.values),
        "mean": rows_as.float8_or_null(points.means),
        "std": rows_as.float8_or_null(points.stds),
        "timestamp": rows_as.moments(points.times),
    }


def model_evaluations(predicted: Predicted, fleet: FleetColumns) -> Columns:
    """``model_evaluations``: an anomaly is predicted from a probability of one half on."""
    probabilities, labels = predicted.probabilities, predicted.labels
    return {
        "model_version": rows_as.int4(predicted.versions),
        "device_id": fleet.ids(predicted.rows),
        "broker_id": fleet.brokers(predicted.rows),
        "prediction": rows_as.float8(probabilities),
        "actual_result": rows_as.int4(labels),
        "is_correct": rows_as.boolean((probabilities >= 0.5) == (labels == 1)),
        "confidence": rows_as.float8(np.maximum(probabilities, 1 - probabilities)),
        "created_at": rows_as.moments(predicted.times),
    }


def rejected(refused: Sequence[Rejected]) -> Columns:
    """``rejected``: records that were refused, with their bytes as they came."""
    every = np.arange(len(refused))

    def text(values: Sequence[str]) -> rows_as.Field:
        return rows_as.words([clean(value).encode() for value in values], every)

    return {
        "source": text([each.source for each in refused]),
        "location": text([each.location for each in refused]),
        "reason": text([each.reason for each in refused]),
        "raw": rows_as.words([each.raw for each in refused], every),
    }
