"""Drift-aware mean times the residual energy of an autoregression, with what peers know as a prior, and no labels.

A device keeps its first ``training_rows`` readings and fits to them (``drift_fit``) when a training ends, as soon as it
has enough of them, and when it has them all; afterwards when its peers have come to know much more, or judge otherwise.
It judges by ``drift_judge``. Its threshold is a quantile of what normal readings score, which it sees by fitting to the
first half of its training rows and scoring the second; peers pool theirs.

Alone it is silent until it has ``ALONE`` readings, with peers it starts with ``min_readings``. It asks no peers that
have seen less than half as much as it has. A channel that shows up when the training rows are complete makes it begin
anew, and so does an alarm that does not end: what lasts longer than all it knows is a new normal (``drift_observe``).

A training's accuracy is the share of values that lay within two standard deviations of what the model foretold, its
loss the mean energy of the errors (1: as in training); before the first fit nothing is foretold, 0 and 1.

A device's memory: 4 bytes a channel and training row (13 KB for 8 channels), and about 5 KB beside.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flead.learning import drift_observe as state
from flead.learning.arrays import Columns, grown
from flead.learning.drift_fit import fit, replay, sketch
from flead.learning.drift_judge import ENERGY, LEVEL, NUMBERS, REFERENCE, ROOM, SCALE, padded
from flead.learning.drift_observe import ALONE, grown_enough, moved, observe, training_values
from flead.learning.drift_private import STATISTICS
from flead.learning.kinds import LEVELS, MODELLED, PEERS, by_kind, channels_of, kind_name, layout_of, moments_size
from flead.learning.learner import (
    Channels,
    Judgement,
    Layout,
    Parameters,
    Trainings,
    Updates,
    misfit,
    unflatten,
)
from flead.learning.rules import Rules

MOVED = 0.05
"""A threshold that has moved by so much makes devices fit again."""

LEAST = 1.0
"""No threshold is lower: a level one standard deviation off is nothing to report."""


Model = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Channels, last, weights and precision: what ``drift_judge`` judges by."""


class Drift:
    """Alarms where the score exceeds what ``alarm_quantile`` of the peers' normal readings score."""

    name = "drift"
    strategy = "peers"
    statistics = True
    paced = False
    lasting = False
    space = STATISTICS
    remembers: tuple[str, ...] = ("training_rows",)
    threshold, critical = 1.0, 2.0

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.layouts: Sequence[Layout] = []
        self.global_version = 0
        self._kinds: Sequence[Channels] = ()
        self._kind = np.zeros(0, np.int16)
        self._numbers: dict[str, int] = {}  # a kind's place among the layouts
        self._priors: dict[str, NDArray[np.float64]] = {}
        self._standing = np.zeros((0, 2))
        """(L, 2) for every layout: its peers, and their threshold; what devices compare their own with."""
        self._layout = np.zeros(0, np.int32)
        """(D,) the layout of every device's statistics; -1: not looked up yet. Follows from the columns."""
        self.rows = np.zeros((0, rules.training_rows, 0), np.float32)
        self.channels = np.zeros((0, 0, NUMBERS))
        self.last = np.zeros((0, 1))
        self.weights = np.zeros((0, 1, 0))
        self.precision = np.zeros((0, 0, 0))
        self.own = np.zeros((0, 0))
        self.devices = np.zeros((0, state.NUMBERS))
        self.seen = np.zeros((0, 2), np.int64)

    @classmethod
    def misfit(cls, parameters: Parameters) -> str | None:
        for kind, found in by_kind(parameters).items():
            try:
                layout = layout_of(kind, channels_of(kind))
            except ValueError:
                return f"{', '.join(f'{name} {kind}'.strip() for name in found)}: not of a kind of device"
            if PEERS in found:
                layout[f"{PEERS} {kind}"] = (1,)
            named = {f"{name} {kind}": array for name, array in found.items()}
            reason = misfit(named, layout)
            if reason is not None:
                return reason
            for name, array in named.items():
                if not name.startswith("moments ") and (array < 0).any():
                    return f"parameter {name!r} is negative"
        return None

    def meet(self, kinds: Sequence[Channels], kind: NDArray[np.int16]) -> None:
        self._kinds, self._kind = kinds, kind

    def grow(self, devices: int, channels: int) -> None:
        known, modelled = len(self._layout), min(channels, MODELLED)
        self.rows = grown(self.rows, devices, self.rules.training_rows, channels)
        self.channels = grown(self.channels, devices, channels)
        self.last = grown(self.last, devices, modelled + 1)
        self.weights = grown(self.weights, devices, modelled + 1, padded(modelled))
        self.precision = grown(self.precision, devices, modelled, padded(modelled))
        self.own = grown(self.own, devices, 1 + 3 * channels + moments_size(channels) + LEVELS)
        self.devices, self.seen = grown(self.devices, devices), grown(self.seen, devices)
        self._layout = grown(self._layout, devices)
        self._layout[known:] = -1

    def observe(
        self,
        rows: NDArray[np.int32],
        values: NDArray[np.float64],
        labels: NDArray[np.int8],
        trainings: Trainings,
        every: NDArray[np.float64] | None = None,
    ) -> tuple[Judgement, Updates]:
        del labels, every
        count, ended = len(rows), len(trainings.rows)
        channel, contributions = np.empty(count, np.int16), np.zeros(values.shape)
        score, z = np.empty((2, count))
        mean, std = np.empty((2, *values.shape))
        accuracy, loss = np.empty((2, ended))
        parameters = np.zeros((ended, self.own.shape[1]))
        layout, origin = np.empty((2, ended), np.int32)
        position = training = 0
        scratch = np.zeros((ROOM, padded(self.channels.shape[1])))
        while True:
            position, training, row = observe(
                position, training, rows, values, trainings.positions, trainings.rows,
                self.rows, self.channels, self.last, self.weights, self.precision, self.own, self.devices, self.seen,
                self._layout, self._standing, self.global_version, self.rules.min_readings, MOVED, scratch,
                channel, score, z, mean, std, contributions, accuracy, loss, parameters, layout, origin,
            )  # fmt: skip
            if row < 0:
                break
            self._look(row)
        judgement = Judgement(score, score > self.threshold, channel, z, mean, std, contributions)
        return judgement, Updates(accuracy, loss, parameters, layout, origin)

    def adopt(self, parameters: Parameters, version: int) -> None:
        reason = self.misfit(parameters)
        if reason is not None:
            raise ValueError(reason)
        self._priors = {
            kind: np.concatenate(
                [found[name.partition(" ")[0]] for name in (*layout_of(kind, channels_of(kind)), PEERS)]
            )
            for kind, found in by_kind(parameters).items()
            if PEERS in found
        }
        self.global_version = version
        for kind, number in self._numbers.items():
            self._stand(kind, number)

    def predict(self, judgement: Judgement, parameters: Parameters) -> NDArray[np.float64]:
        """Above one half where the device alarms: score / (score + 1).

        A global model holds what peers know and judges nothing by itself; devices do, with its help. So what is tested
        of it is the alarms of the devices that have it.
        """
        reason = self.misfit(parameters)
        if reason is not None:
            raise ValueError(reason)
        return judgement.score / (judgement.score + 1.0)

    def columns(self) -> Columns:
        return {
            "rows": self.rows, "channels": self.channels, "last": self.last, "weights": self.weights,
            "precision": self.precision, "own": self.own, "devices": self.devices, "seen": self.seen,
        }  # fmt: skip

    def parameters(self, row: int) -> Parameters:
        if not self.seen[row].any():
            return {}
        if self._layout[row] < 0:
            self._place(row, self._shown(row))
        return unflatten(self.own[row].copy(), self.layouts[self._layout[row]])

    def _look(self, row: int) -> None:
        """Fit a device to what it and its peers know by now, if there is enough of it and enough of it is new."""
        if self._layout[row] < 0:  # the kernel asks again, now that it can compare
            self._place(row, self._shown(row))
            return
        device, complete = self.devices[row], self.rules.training_rows
        count, fitted = int(device[state.ROWS]), int(device[state.FITTED])
        prior, standing = self._told(row, self._shown(row), count)
        enough = min(ALONE if prior is None else self.rules.min_readings, complete)
        news = moved(device[state.PEERS], device[state.THRESHOLD], standing[0], standing[1], MOVED)
        if count >= enough and (fitted == 0 or news or grown_enough(count, fitted, complete)):
            self._fit(row, count)
        device[state.LOOKED], device[state.LOOKED_VERSION] = count, self.global_version

    def _told(self, row: int, mask: int, count: int) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
        """What peers tell a device of ``count`` rows, and their standing: nothing if it has seen twice as many."""
        prior = self._priors.get(self._place(row, mask))
        if prior is None or count > 2.0 * prior[0]:
            return None, np.zeros(2)
        return prior, self._standing[self._layout[row]]

    def _shown(self, row: int) -> int:
        """The channels that a device has fitted to, or has shown before it fits, as a mask."""
        return int(self.seen[row, 1] or self.seen[row, 0])

    def _place(self, row: int, mask: int) -> str:
        """The kind of a device with these channels, whose layout is entered as the device's."""
        used = self._used(row, mask)
        kind = kind_name(self._kinds[self._kind[row]][j] for j in used)
        number = self._numbers.get(kind)
        if number is None:
            number = self._numbers[kind] = len(self.layouts)
            self.layouts = [*self.layouts, layout_of(kind, len(used))]
            self._standing = grown(self._standing, number + 1)
            self._stand(kind, number)
        self._layout[row] = number
        return kind

    def _used(self, row: int, mask: int) -> list[int]:
        """The channels of a mask in the order of their names."""
        names = self._kinds[self._kind[row]]
        return sorted((j for j in range(len(names)) if mask >> j & 1), key=lambda j: names[j])

    def _stand(self, kind: str, number: int) -> None:
        """Enter what devices of a kind compare their own peers and threshold with."""
        prior = self._priors.get(kind)
        self._standing[number] = (0.0, 0.0) if prior is None else (prior[-1], self._limit(prior[-1 - LEVELS : -1]))

    def _limit(self, quantiles: NDArray[np.float64]) -> float:
        """The threshold that a sketch of normal scores gives."""
        levels = (np.arange(LEVELS) + 0.5) / LEVELS
        return max(float(np.interp(self.rules.alarm_quantile, levels, quantiles)), LEAST)

    def _fit(self, row: int, count: int) -> None:
        mask = int(self.seen[row, 0])
        prior, standing = self._told(row, mask, count)
        values, used = training_values(self.rows, self.channels, row, count), np.array(self._used(row, mask), np.int64)
        size, own = min(len(used), MODELLED), self.own[row]
        scores, told = np.zeros(count), np.zeros(0) if prior is None else prior
        half = self._scratch(size)
        fit(0, values, count // 2, used, told, *half, own)
        replay(0, size, values, count, *half, scores)
        whole = self.channels, self.last, self.weights, self.precision
        channels, last = self.channels[row].copy(), self.last[row].copy()
        own[:] = 0.0
        fit(row, values, count, used, told, *whole, own)
        quantiles = own[1 + 3 * len(used) + moments_size(len(used)) :][:LEVELS]
        sketch(scores, count // 2, count, quantiles)
        device = self.devices[row]
        if device[state.FITTED] == count:
            self._go_on(row, used, channels, last)
        else:
            replay(row, size, values, count, *whole, scores)
        self.seen[row, 1] = mask
        peers, limit = (0.0, self._limit(quantiles)) if prior is None else standing
        device[[state.FITTED, state.SIZE, state.PEERS, state.THRESHOLD]] = count, size, peers, limit

    def _scratch(self, size: int) -> Model:
        """The state of one device that is soon forgotten."""
        width = self.channels.shape[1]
        return (
            np.zeros((1, width, NUMBERS)),
            np.zeros((1, size + 1)),
            np.zeros((1, size + 1, padded(size))),
            np.zeros((1, size, padded(size))),
        )

    def _go_on(
        self, row: int, used: NDArray[np.int64], channels: NDArray[np.float64], last: NDArray[np.float64]
    ) -> None:
        """The same rows with another prior: what has been seen since they were complete stays, in the new scale."""
        ratio = channels[used, SCALE] / self.channels[row, used, SCALE]
        self.channels[row, used, LEVEL] = channels[used, LEVEL] * ratio
        self.channels[row, used, REFERENCE] = channels[used, REFERENCE] * ratio
        self.channels[row, used, ENERGY] = channels[used, ENERGY]
        size = min(len(used), MODELLED)
        self.last[row, 1 : 1 + size] = last[1 : 1 + size] * ratio[:size]
