"""What the writer adds up between two commits: by device, and by broker and minute of event time."""

from collections import Counter
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.records import Flagged, LocalModels

MINUTE = 60_000
NEVER = np.iinfo(np.int64).min
NOT_YET = np.iinfo(np.int64).max

_I4, _I8 = types.Array(types.int32, 1, "C", readonly=True), types.Array(types.int64, 1, "C", readonly=True)


Minute = tuple[int, int]
"""A minute since the epoch, and a broker."""


class MinuteSums:
    """By broker and minute: readings, anomalies of each severity, local models and the sum of their accuracies."""

    def __init__(self) -> None:
        self.readings: Counter[Minute] = Counter()
        self.anomalies: tuple[Counter[Minute], Counter[Minute]] = (Counter(), Counter())  # warnings, criticals
        self.models: Counter[Minute] = Counter()
        self.accuracies: dict[Minute, float] = {}
        self.newest: dict[int, int] = {}
        """The newest event time by broker."""

    def add_readings(self, brokers: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Readings by these brokers at these times; both (N,)."""
        self._see(brokers, times)
        self.readings.update(per_minute(times, brokers))

    def add_anomalies(self, brokers: NDArray[np.int32], flagged: Flagged) -> None:
        """Flagged readings, and the brokers (N,) of their devices."""
        times = flagged.times
        self._see(brokers, times)
        for severity, counts in enumerate(self.anomalies):
            of_it = flagged.critical == severity
            counts.update(per_minute(times[of_it], brokers[of_it]))

    def add_models(self, brokers: NDArray[np.int32], models: LocalModels) -> None:
        """Trainings, and the brokers (N,) of their devices."""
        times = models.times
        self._see(brokers, times)
        self.models.update(per_minute(times, brokers))
        for minute, total in per_minute(times, brokers, models.accuracies).items():
            self.accuracies[minute] = self.accuracies.get(minute, 0.0) + total

    def _see(self, brokers: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        for broker in np.unique(brokers).tolist():
            self.newest[broker] = max(self.newest.get(broker, NEVER), int(times[brokers == broker].max()))


class DeviceSums:
    """One record a device: what it did since the last commit.

    Times are milliseconds, ``NEVER`` where nothing happened; ``model_version``, ``accuracy`` and ``loss`` are of the
    newest training, NaN without one.
    """

    DTYPE = np.dtype(
        [
            ("touched", np.bool_),
            ("first_seen", np.int64),
            ("last_seen", np.int64),
            ("readings", np.int64),
            ("anomalies", np.int64),
            ("last_warning", np.int64),
            ("last_critical", np.int64),
            ("trainings", np.int64),
            ("accuracy_sum", np.float64),
            ("model_version", np.int64),
            ("accuracy", np.float64),
            ("loss", np.float64),
        ],
        align=True,
    )
    START = np.array((False, NOT_YET, NEVER, 0, 0, NEVER, NEVER, 0, 0.0, 0, np.nan, np.nan), dtype=DTYPE)

    def __init__(self) -> None:
        self.records = np.full(64, self.START)

    def grow(self, devices: int) -> None:
        """Make room for rows up to ``devices``."""
        if devices > len(self.records):
            more = np.full(max(devices, len(self.records) * 3 // 2) - len(self.records), self.START)
            self.records = np.concatenate([self.records, more])

    def add_readings(self, rows: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Readings of these devices at these times; both (N,)."""
        records = self.records
        count_readings(
            rows, times, records["touched"], records["readings"], records["first_seen"], records["last_seen"]
        )

    def add_anomalies(self, flagged: Flagged) -> None:
        """Flagged readings."""
        rows, times, critical = flagged.rows, flagged.times, flagged.critical
        self._see(rows, times)
        np.add.at(self.records["anomalies"], rows, 1)
        np.maximum.at(self.records["last_critical"], rows[critical], times[critical])
        np.maximum.at(self.records["last_warning"], rows[~critical], times[~critical])

    def add_trainings(self, models: LocalModels) -> None:
        """Trainings, a device's in their order."""
        records, rows = self.records, models.rows
        self._see(rows, models.times)
        np.add.at(records["trainings"], rows, 1)
        np.add.at(records["accuracy_sum"], rows, models.accuracies)
        # Of a device's several values the last stays.
        records["model_version"][rows] = models.versions
        records["accuracy"][rows] = models.accuracies
        records["loss"][rows] = models.losses

    def _see(self, rows: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        self.records["touched"][rows] = True
        np.minimum.at(self.records["first_seen"], rows, times)
        np.maximum.at(self.records["last_seen"], rows, times)

    def touched(self) -> NDArray[np.int64]:
        """The rows of the devices that did anything."""
        return np.flatnonzero(self.records["touched"])

    def clear(self) -> None:
        """Forget everything."""
        self.records[self.touched()] = self.START


@njit(types.void(_I4, _I8, types.boolean[:], types.int64[:], types.int64[:], types.int64[:]), cache=True, nogil=True)
def count_readings(
    rows: NDArray[np.int32],
    times: NDArray[np.int64],
    touched: NDArray[np.bool_],
    readings: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> None:
    """Add N readings to their devices' number of readings and first and last time, all of shape (D,)."""
    for i in range(len(rows)):
        row = rows[i]
        touched[row] = True
        readings[row] += 1
        first[row] = min(first[row], times[i])
        last[row] = max(last[row], times[i])


def per_minute(
    times: NDArray[np.int64], brokers: NDArray[np.int32], weights: NDArray[np.float64] | None = None
) -> dict[Minute, Any]:
    """The number of rows by broker and minute, or the sum of their weights; all (N,)."""
    if len(times) == 0:
        return {}
    minutes = times // MINUTE
    first, width = int(minutes.min()), int(brokers.max()) + 1
    groups = (minutes - first) * width + brokers
    places: NDArray[np.int64] = groups
    present = None
    if int(groups.max()) >= 4 * len(
        groups
    ):  # few rows in a long time: better sorted than with a place for every minute
        present, places = np.unique(groups, return_inverse=True)
    sums = np.bincount(places, weights)
    if present is None:
        present = np.flatnonzero(np.bincount(places))
        sums = sums[present]
    return {
        (group // width + first, group % width): total
        for group, total in zip(present.tolist(), sums.tolist(), strict=True)
    }
