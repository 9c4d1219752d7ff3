"""Drift-aware mean times the residual energy of an autoregression, with what peers know as a prior, and no labels.

A device keeps its first ``training_rows`` readings and fits to them (``fit``): when a training ends, as soon as it has
enough of them, and when it has them all; after that, when its peers have come to know much more, or judge differently.
It judges by ``judge``. Its threshold is a quantile of the scores of normal readings, which it gets by fitting to the
first half of its training rows and scoring the second; peers pool theirs.

Without peers it is silent until it has ``ALONE`` readings; with peers it starts after ``min_readings``. It ignores
peers that have seen less than half as much as itself. A channel that shows up when the training rows are complete makes
it begin anew, and so does an alarm that does not end: what lasts longer than all it knows is a new normal
(``observe``).

A training's accuracy is the share of values that lay within two standard deviations of their prediction, its loss the
mean energy of the errors (1: as in training). Before the first fit nothing is predicted, and they are 0 and 1.

Memory of a device: 4 bytes for each channel and training row (13 KB for 8 channels), and about 5 KB beside.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flead.learning.arrays import Columns, grown
from flead.learning.drift import observe
from flead.learning.drift.fit import fit, replay, sketch
from flead.learning.drift.judge import ENERGY, LEVEL, REFERENCE, SCALE, Model, no_models, padded
from flead.learning.drift.observe import (
    ALONE,
    FITTED,
    LOOKED,
    LOOKED_VERSION,
    MASKS,
    ROWS,
    SHOWN,
    SIZE,
    THRESHOLD,
    Standing,
    State,
    grown_enough,
    moved,
    training_values,
)
from flead.learning.drift.private import STATISTICS
from flead.learning.kinds import LEVELS, MODELLED, PEERS, by_kind, channels_of, kind_name, layout_of, moments_size
from flead.learning.learner import (
    Channels,
    Judgement,
    Layout,
    Parameters,
    Readings,
    Trainings,
    Updates,
    misfit,
    unflatten,
)
from flead.learning.rules import Rules

MOVED = 0.05
"""When the peers' threshold has moved by this share, devices fit again."""

LEAST = 1.0
"""No threshold is lower: a level one standard deviation off is nothing to report."""


class Drift:
    """Raises an alarm where the score exceeds the ``alarm_quantile`` of the scores of the peers' normal readings."""

    name = "drift"
    strategy = "peers"
    statistics = True
    paced = False
    space = STATISTICS
    remembers: tuple[str, ...] = ("training_rows",)
    threshold, critical = 1.0, 2.0

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.layouts: Sequence[Layout] = []
        self.global_version = 0
        self._kinds: Sequence[Channels] = ()
        self._kind = np.zeros(0, np.int16)
        self._numbers: dict[str, int] = {}
        """A kind's place among the layouts."""
        self._priors: dict[str, NDArray[np.float64]] = {}
        """What the peers of a kind know, flat as ``layout_of`` says, and behind it their number."""
        self._peers, self._thresholds = np.zeros(0), np.zeros(0)
        """(L,) the number of a layout's peers, and their threshold: what devices compare their own with."""
        self.state = State(
            rows=np.zeros((0, rules.training_rows, 0), np.float32),
            model=no_models(0, 0, 0),
            own=np.zeros((0, 0)),
            devices=np.zeros((0, observe.NUMBERS)),
            seen=np.zeros((0, MASKS), np.int64),
            layout=np.zeros(0, np.int32),
        )

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
        state, model, modelled = self.state, self.state.model, min(channels, MODELLED)
        layout = grown(state.layout, devices)
        layout[len(state.layout) :] = -1
        self.state = State(
            rows=grown(state.rows, devices, self.rules.training_rows, channels),
            model=Model(
                channels=grown(model.channels, devices, channels),
                last=grown(model.last, devices, modelled + 1),
                weights=grown(model.weights, devices, modelled + 1, padded(modelled)),
                precision=grown(model.precision, devices, modelled, padded(modelled)),
            ),
            own=grown(state.own, devices, 1 + 3 * channels + moments_size(channels) + LEVELS),
            devices=grown(state.devices, devices),
            seen=grown(state.seen, devices),
            layout=layout,
        )

    def observe(
        self,
        rows: NDArray[np.int32],
        values: NDArray[np.float64],
        labels: NDArray[np.int8],
        trainings: Trainings,
        every: NDArray[np.float64] | None = None,
    ) -> tuple[Judgement, Updates]:
        del every  # this learner is not paced
        readings = Readings(rows, values, labels)
        judgement = Judgement.empty(*values.shape)._replace(contributions=np.zeros(values.shape))
        updates = Updates.empty(len(trainings.rows), self.state.own.shape[1])
        position = training = row = 0
        while row >= 0:
            standing = Standing(self._peers, self._thresholds, self.global_version, self.rules.min_readings, MOVED)
            position, training, row = observe.observe(
                position, training, readings, trainings, self.state, standing, judgement, updates
            )
            if row >= 0:
                self._look(row)
        return judgement, updates

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
        state = self.state
        return {
            "rows": state.rows,
            **state.model._asdict(),
            "own": state.own,
            "devices": state.devices,
            "seen": state.seen,
        }

    def parameters(self, row: int) -> Parameters:
        if not self.state.seen[row].any():
            return {}
        if self.state.layout[row] < 0:
            self._place(row, self._shown(row))
        return unflatten(self.state.own[row].copy(), self.layouts[self.state.layout[row]])

    def _look(self, row: int) -> None:
        """Fit a device to what it and its peers know by now, if that is enough, and enough of it is new."""
        if self.state.layout[row] < 0:  # the kernel stops again, now that it can compare
            self._place(row, self._shown(row))
            return
        device, complete = self.state.devices[row], self.rules.training_rows
        count, fitted = int(device[ROWS]), int(device[FITTED])
        prior, peers, threshold = self._told(row, self._shown(row), count)
        enough = min(ALONE if prior is None else self.rules.min_readings, complete)
        news = moved(device[observe.PEERS], device[THRESHOLD], peers, threshold, MOVED)
        if count >= enough and (fitted == 0 or news or grown_enough(count, fitted, complete)):
            self._fit(row, count)
        device[LOOKED], device[LOOKED_VERSION] = count, self.global_version

    def _told(self, row: int, mask: int, count: int) -> tuple[NDArray[np.float64] | None, float, float]:
        """What its peers tell a device of ``count`` rows, their number and their threshold.

        None, 0 and 0 if there are none, or if the device has seen more than twice as much as they have.
        """
        prior = self._priors.get(self._place(row, mask))
        if prior is None or count > 2.0 * prior[0]:
            return None, 0.0, 0.0
        layout = self.state.layout[row]
        return prior, float(self._peers[layout]), float(self._thresholds[layout])

    def _shown(self, row: int) -> int:
        """The channels that a device has fitted to, or before it fits those that it has shown, as a mask."""
        return int(self.state.seen[row, observe.MODELLED] or self.state.seen[row, SHOWN])

    def _place(self, row: int, mask: int) -> str:
        """The kind of a device with these channels; its layout becomes the device's."""
        used = self._used(row, mask)
        kind = kind_name(self._kinds[self._kind[row]][j] for j in used)
        number = self._numbers.get(kind)
        if number is None:
            number = self._numbers[kind] = len(self.layouts)
            self.layouts = [*self.layouts, layout_of(kind, len(used))]
            self._peers, self._thresholds = grown(self._peers, number + 1), grown(self._thresholds, number + 1)
            self._stand(kind, number)
        self.state.layout[row] = number
        return kind

    def _used(self, row: int, mask: int) -> list[int]:
        """The channels of a mask in the order of their names."""
        names = self._kinds[self._kind[row]]
        return sorted((j for j in range(len(names)) if mask >> j & 1), key=lambda j: names[j])

    def _stand(self, kind: str, number: int) -> None:
        """Enter the number of a kind's peers and their threshold, which its devices compare their own with."""
        prior = self._priors.get(kind)
        if prior is None:
            self._peers[number] = self._thresholds[number] = 0.0
        else:
            self._peers[number], self._thresholds[number] = prior[-1], self._limit(prior[-1 - LEVELS : -1])

    def _limit(self, quantiles: NDArray[np.float64]) -> float:
        """The threshold that a sketch of normal scores gives."""
        levels = (np.arange(LEVELS) + 0.5) / LEVELS
        return max(float(np.interp(self.rules.alarm_quantile, levels, quantiles)), LEAST)

    def _fit(self, row: int, count: int) -> None:
        """Make a device's model from its first ``count`` training rows and what its peers know."""
        state, model, device = self.state, self.state.model, self.state.devices[row]
        mask = int(state.seen[row, SHOWN])
        prior, peers, limit = self._told(row, mask, count)
        values = training_values(state.rows, model.channels, row, count)
        used = np.array(self._used(row, mask), np.int64)
        size, own = min(len(used), MODELLED), state.own[row]
        scores, told = np.zeros(count), np.zeros(0) if prior is None else prior
        half = no_models(1, model.channels.shape[1], size)
        fit(0, values, count // 2, used, told, half, own)
        replay(0, size, values, count, half, scores)
        channels, last = model.channels[row].copy(), model.last[row].copy()
        own[:] = 0.0
        fit(row, values, count, used, told, model, own)
        quantiles = own[1 + 3 * len(used) + moments_size(len(used)) :][:LEVELS]
        sketch(scores, count // 2, count, quantiles)
        if device[FITTED] == count:
            self._go_on(row, used, channels, last)
        else:
            replay(row, size, values, count, model, scores)
        state.seen[row, observe.MODELLED] = mask
        device[FITTED], device[SIZE] = count, size
        device[observe.PEERS], device[THRESHOLD] = peers, self._limit(quantiles) if prior is None else limit

    def _go_on(
        self, row: int, used: NDArray[np.int64], channels: NDArray[np.float64], last: NDArray[np.float64]
    ) -> None:
        """Keep, after a fit to the same rows with another prior, what was seen since then, in the new scale."""
        now = self.state.model
        ratio = channels[used, SCALE] / now.channels[row, used, SCALE]
        now.channels[row, used, LEVEL] = channels[used, LEVEL] * ratio
        now.channels[row, used, REFERENCE] = channels[used, REFERENCE] * ratio
        now.channels[row, used, ENERGY] = channels[used, ENERGY]
        size = min(len(used), MODELLED)
        now.last[row, 1 : 1 + size] = last[1 : 1 + size] * ratio[:size]
