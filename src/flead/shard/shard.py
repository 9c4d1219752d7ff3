"""A shard: some devices in columns, one row a device, and one entry point, :meth:`Shard.observe`.

The embedded pipeline runs one shard, the Flink job one for every Kafka partition, an agent one for its
devices. How a stream is cut into batches changes no bit of what comes out.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.columns import Batch, Devices
from flead.errors import FleadError
from flead.learning.arrays import grown
from flead.learning.learner import Judgement, Learner, Updates, arrays
from flead.learning.registry import LEARNERS
from flead.learning.rules import Rules
from flead.learning.strategies.fedprox import FedProx
from flead.placement import broker_of
from flead.records import LARGEST, GlobalModel
from flead.settings import ModelSettings
from flead.shard.pace import DAY, USUAL, Pace
from flead.shard.private import Private
from flead.shard.schedule import Schedule

BLOCK = 64
"""Devices whose state is stored together: a store of a shard writes only the blocks that were touched."""


@njit(types.int64(types.float64[:, ::1]), cache=True, nogil=True)
def first_unfit(values: NDArray[np.float64]) -> int:
    """The first of N readings that has no value, or one beyond ``LARGEST``; -1 if all are fit."""
    for i in range(values.shape[0]):
        known = 0
        for j in range(values.shape[1]):
            if abs(values[i, j]) > LARGEST:
                return i
            known += not np.isnan(values[i, j])
        if known == 0:
            return i
    return -1


@njit(types.void(types.int32[::1], types.boolean[::1]), cache=True, nogil=True)
def touch(rows: NDArray[np.int32], touched: NDArray[np.bool_]) -> None:
    """Mark the blocks of these devices: (N,) rows, (D / BLOCK,) marks."""
    for i in range(len(rows)):
        touched[np.uintp(rows[i]) // np.uintp(BLOCK)] = True


class Trained(NamedTuple):
    """K local updates: what :class:`Updates` says, whose it is, and when."""

    positions: NDArray[np.int64]  # the reading of the batch before which the training ended; N: after the last
    rows: NDArray[np.int32]
    model_versions: NDArray[np.int32]  # from 1 without gaps, for every device
    samples: NDArray[np.int32]
    times: NDArray[np.int64]  # milliseconds since the epoch
    updates: Updates


@dataclass(slots=True)
class Outcome:
    """What came of a batch."""

    batch: Batch
    judgement: Judgement
    anomalies: NDArray[np.intp]
    """(A,) positions in the batch of the readings that were flagged."""
    thresholds: NDArray[np.float64]
    """(A,) what their scores are above."""
    critical: NDArray[np.bool_]
    """(A,) whether they are critical anomalies."""
    trained: Trained


def rules_of(settings: ModelSettings) -> Rules:
    """The learners' rules as they are set."""
    return Rules(
        window=settings.window,
        min_readings=settings.min_readings,
        threshold=settings.threshold,
        critical=settings.critical,
        learning_rate=settings.learning_rate,
        features=settings.features,
        supervised=settings.supervised,
        mix=settings.mix,
        training_rows=settings.training_rows,
        alarm_quantile=settings.alarm_quantile,
        alarm_every=(settings.readings_per_day or DAY / USUAL) / settings.alarms_per_day,
        proximal=settings.proximal if settings.strategy == FedProx.name else 0.0,
    )


class Shard:
    """Devices that learn together: their table, their models, their trainings.

    FleadError, listing what there is, for a learner that is not in the registry.
    """

    def __init__(self, settings: ModelSettings) -> None:
        if settings.learner not in LEARNERS:
            raise FleadError(f"no learner {settings.learner!r}: there are {', '.join(sorted(LEARNERS))}")
        self.settings = settings
        self.devices = Devices()
        self.learner: Learner = LEARNERS[settings.learner](rules_of(settings))
        self.schedule = Schedule(settings.train_readings, settings.train_seconds)
        self.pace = Pace(settings.alarms_per_day, settings.readings_per_day) if self.learner.paced else None
        self.private = (
            Private(settings.privacy_clip, settings.privacy_noise, settings.privacy_seed)
            if settings.privacy_noise
            else None
        )
        self.global_model: GlobalModel | None = None
        self.brokers = np.zeros(0, np.int16)
        """(D,) the broker that every device is bound to."""
        self.touched = np.zeros(0, np.bool_)
        """Blocks of devices whose state has changed since it was last stored."""
        self.model_touched = False
        """Whether the global model has."""
        self._room = 0
        self._width = 0

    def grow(self) -> None:
        """Make room for the devices that the table has got since the last call."""
        count, known = len(self.devices), len(self.brokers)
        self.learner.meet(self.devices.kinds, self.devices.kind)
        if count > self._room or self.devices.width > self._width:
            if count > self._room:
                # Half as much again: devices that come one by one must not cost a copy each.
                self._room = max(count, self._room * 3 // 2)
            self._width = self.devices.width
            self.learner.grow(self._room, self._width)
            self.schedule.grow(self._room)
            if self.pace is not None:
                self.pace.grow(self._room)
            self.touched = grown(self.touched, -(-self._room // BLOCK))
        if count > known:
            # A device that has not spoken yet is stored, too: the rows behind it count on it.
            self.touched[known // BLOCK : -(-count // BLOCK)] = True
            placed = (
                broker_of(self.devices.id(row), self.settings.brokers, self.settings.devices_per_broker)
                for row in range(known, count)
            )
            self.brokers = np.concatenate([self.brokers, np.fromiter(placed, np.int16, count - known)])

    def observe(self, batch: Batch) -> Outcome:
        """Judge the readings and learn from them.

        ValueError for a reading without a value, or with one that is infinite or beyond 1e100: sources reject
        those, so that one here is an error of the program. Nothing is changed then.
        """
        # As unsigned numbers negative rows are large ones.
        known = not batch.size or batch.rows.view(np.uint32).max() < len(self.devices)
        if batch.values.shape[1] > self.devices.width or not known:
            raise ValueError("the batch names devices or channels that the table of devices does not have")
        unfit = first_unfit(batch.values)
        if unfit >= 0:
            device = self.devices.id(int(batch.rows[unfit]))
            raise ValueError(f"reading {unfit} of the batch, of {device}, is no measurement: {batch.values[unfit]}")
        self.grow()
        trainings, versions = self.schedule.plan(batch.rows, batch.times)
        every = None if self.pace is None else self.pace.follow(batch.rows, batch.times)
        judgement, updates = self.learner.observe(batch.rows, batch.values, batch.labels, trainings, every)
        if self.private is not None:
            updates = self.private.told(self.learner, updates, self.devices.texts(trainings.rows))
        touch(batch.rows, self.touched)
        touch(trainings.rows, self.touched)
        trained = Trained(trainings.positions, trainings.rows, versions, trainings.samples, trainings.times, updates)
        anomalies, learner = np.flatnonzero(judgement.anomalous), self.learner
        if judgement.thresholds is None:
            thresholds = np.full(len(anomalies), learner.threshold)
            critical = judgement.score[anomalies] > learner.critical
        else:
            thresholds = judgement.thresholds[anomalies]
            critical = judgement.score[anomalies] > thresholds + (learner.critical - learner.threshold)
        return Outcome(batch, judgement, anomalies, thresholds, critical, trained)

    def adopt(self, model: GlobalModel) -> None:
        """Let trainings that begin from now on start from this global model, unless a newer one is known."""
        if self.global_model is None or model.version > self.global_model.version:
            parameters = arrays(model.parameters)
            self.learner.adopt(parameters, model.version)
            if self.private is not None:
                self.private.adopt(parameters)
            self.global_model = model
            self.model_touched = True

    def set_back(self, clock: int) -> None:
        """Train by this earlier event time from now on (milliseconds): the clock of a sensor had run ahead."""
        self.schedule.set_back(clock)
        self.touched[:] = True
