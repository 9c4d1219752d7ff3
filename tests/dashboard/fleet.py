"""A small fleet in the store: real arithmetic on seeded signals, written as the pipeline writes.

Twelve devices on four brokers; ``device_0`` has three channels. Every reading is judged by the hundred before it, and
what the store then holds is what a page must show.
"""

from typing import Any, NamedTuple

import numpy as np
import psycopg
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from flead.columns import Batch, Devices
from flead.placement import broker_of
from flead.records import NO_LABEL, Evaluation, GlobalModel, Rejected, to_text
from flead.storage.writing.alarms import AlarmRules
from flead.storage.writing.tables import Points
from flead.storage.writing.writer import Writer
from tests import columns

NOON = 1_762_516_800_000  # 2025-11-07T12:00:00Z
INTERVAL = 2000
WINDOW, FIRST, THRESHOLD, CRITICAL = 100, 10, 2.5, 5.0
TRAIN = 50
CHANNELS = ("temperature", "pressure", "flow")
HOSTILE = '<img src=x onerror="document.title=1">/é漢 %2F'
"""A device id that must come out on every page as it went in."""


REMEMBERS = AlarmRules(gap=30_000, clear=1_800_000)
"""Alarms stay open for longer than a test's fleet has lived."""


class Signal(NamedTuple):
    """Readings of one channel, judged; all (N,)."""

    values: NDArray[np.float64]
    means: NDArray[np.float64]
    stds: NDArray[np.float64]
    scores: NDArray[np.float64]


class Fleet:
    """Writes the fleet's readings, a stretch of time at once, from noon on."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        ids: list[str] | None = None,
        seed: int = 7,
        rules: AlarmRules = REMEMBERS,
    ) -> None:
        self.devices = Devices()
        self.devices.add(["device_0"], CHANNELS)
        self.devices.add(ids or [*(f"device_{number}" for number in range(200, 2400, 220)), HOSTILE])
        self.writer = Writer(connection, self.devices, lambda device: broker_of(device, 4, 600), rules)
        self.random = np.random.default_rng(seed)
        self.ticks = 0
        self.versions = 0
        self._history: dict[tuple[int, int], NDArray[np.float64]] = {}

    def go_on(self, ticks: int) -> None:
        """So many readings more of every device, with what follows from them, in one commit."""
        times = NOON + np.arange(self.ticks, self.ticks + ticks) * INTERVAL
        for row in range(len(self.devices)):
            self._readings(row, times)
        self._global_models(self.ticks // TRAIN, (self.ticks + ticks) // TRAIN)
        self.writer.commit()
        self.ticks += ticks

    def reject(self, *reasons: str) -> None:
        """Refuse something for each reason."""
        self.writer.add_rejected([Rejected("csv:data", f"line {n}", reason, b"?") for n, reason in enumerate(reasons)])
        self.writer.commit()

    def _readings(self, row: int, times: NDArray[np.int64]) -> None:
        count = len(times)
        rows = np.full(count, row, dtype=np.int32)
        width = len(self.devices.channels(row))
        signals = [self._signal(row, channel, count) for channel in range(width)]
        values = np.stack([signal.values for signal in signals], axis=1)
        self.writer.add_readings(Batch(rows, times, values, np.full(count, NO_LABEL, dtype=np.int8)))
        for number, signal in enumerate(signals):
            channel = np.full(count, number, dtype=np.int16)
            self.writer.add_signal(
                Points(
                    rows=rows,
                    channels=channel,
                    values=signal.values,
                    means=signal.means,
                    stds=signal.stds,
                    times=times,
                )
            )
            off = np.abs(signal.scores) > THRESHOLD
            number_off = int(off.sum())
            self.writer.add_anomalies(
                columns.flagged(
                    rows[off],
                    times[off],
                    channels=channel[off],
                    values=signal.values[off],
                    scores=signal.scores[off],
                    critical=np.abs(signal.scores[off]) > CRITICAL,
                    means=signal.means[off],
                    stds=signal.stds[off],
                    thresholds=np.full(number_off, THRESHOLD),
                )
            )
        self._trainings(row, times)

    def _signal(self, row: int, channel: int, count: int) -> Signal:
        """A slow wave with noise, and now and then a jump."""
        before = self._history.get((row, channel), np.empty(0))
        at = np.arange(self.ticks, self.ticks + count)
        level, swing = 20 + 15 * row + 40 * channel, 1 + row / 4
        values = level + swing * np.sin(at / 60 + row) + self.random.normal(0, swing / 8, count)
        values[self.random.random(count) < 0.004] += swing * 2
        past = np.concatenate([np.full(WINDOW - len(before), np.nan), before, values])
        windows = sliding_window_view(past, WINDOW)[:-1]
        known = (~np.isnan(windows)).sum(axis=1) >= FIRST
        means, stds = np.full(count, np.nan), np.full(count, np.nan)
        means[known], stds[known] = np.nanmean(windows[known], axis=1), np.nanstd(windows[known], axis=1)
        self._history[row, channel] = past[-WINDOW:][~np.isnan(past[-WINDOW:])]
        return Signal(values, means, stds, np.nan_to_num((values - means) / stds))

    def _trainings(self, row: int, times: NDArray[np.int64]) -> None:
        versions = np.arange(self.ticks // TRAIN, (self.ticks + len(times)) // TRAIN) + 1
        count = len(versions)
        good = np.clip(0.97 - 0.25 / versions + self.random.normal(0, 0.01, count), 0, 1)
        self.writer.add_local_models(
            columns.local_models(
                np.full(count, row, dtype=np.int32),
                NOON + (versions * TRAIN - 1) * INTERVAL,
                versions=versions,
                global_versions=np.maximum(versions - 1, 0),
                accuracies=good,
                losses=1.2 - good,
                samples=np.full(count, TRAIN),
                parameters=self.random.normal(0, 1, (count, 4)),
            )
        )

    def _global_models(self, first: int, last: int) -> None:
        for version in range(first + 1, last + 1):
            at = to_text(NOON + version * TRAIN * INTERVAL)
            accuracy = 0.96 - 0.2 / version + 0.02 * np.sin(version)
            parameters = {"weights": [0.1, 0.2, 0.3 * version], "bias": [-1.0]}
            self.writer.add_global_models(
                [GlobalModel(version, version, accuracy, len(self.devices), "fedbuff", parameters, at)]
            )
            self.writer.add_evaluations([Evaluation(version, 1, 20 + version, 12, 900, 30, at)])
            self.versions = version
