"""Learner ``tail``: one alarm an event, so many a day, for any single signal.

The score is the decimal logarithm of the readings between two with as much evidence that something happened (see
evidence.py): 3 comes once in a thousand. So the threshold is no property of the signal but what its user can bear.

A device shares its tails. Their medians over the fleet are what a new device starts from, and what the evidence of all
is compared with. A device that has nothing to tell yet repeats what it was told.

An update's ``accuracy`` is the share of the training's readings that were not among the rarest 2 % by what the device
knew before: .98 where it is well calibrated. Its ``loss`` is the cross-entropy of that with a probability of 2 %.
"""

import math
from collections.abc import Sequence

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.arrays import Columns, grown
from flead.learning.evidence import (
    COMBINED,
    EVIDENCE,
    LIKELY,
    SIZE_OF_MODEL,
    SIZE_OF_SIGNAL,
    TINY,
    TRUST,
    lend,
    probabilities,
    rareness,
    summarise,
    weigh,
)
from flead.learning.learner import (
    AS_THEY_ARE,
    Channels,
    Judgement,
    Layout,
    Parameters,
    Trainings,
    Updates,
    flatten,
    misfit,
    unflatten,
)
from flead.learning.rules import Rules
from flead.learning.season import SIZE_OF_SEASON
from flead.learning.tails import EXCESS, FIRST, QUANTILE, RATE, SHARE, SIZE_OF_TAIL, learn
from flead.learning.views import COUNT, FLOOR, LEVEL, SPREAD, VIEWS, look, rate

LAYOUT: Layout = dict.fromkeys((*VIEWS, "evidence"), (SIZE_OF_TAIL,))

PEAK, QUIET, CAUTION, ABOVE, ROWS, ORIGIN, FLEET_QUANTILE, FLEET_EXCESS, SIZE_OF_DEVICE = range(9)
"""A device's record: its event's highest score, the readings since the last one above the threshold, and how much more
than it a score has to be; of its training the readings in their signal's tail, their number and the global model it
began with; the fleet's evidence."""

SETTLING = 40
"""Readings after the first ``min_readings`` until the views have settled."""
USUAL_QUANTILE, USUAL_EXCESS = 14.8, 4.9
"""The tail of the evidence of simulated signals of 14 kinds that nothing happened to; a fleet's own replaces it."""
KNOWN = 2.0
"""Who has seen n readings does not know what comes less than once in so many n."""
EVENT = 150
"""Readings without any above the threshold that end an event; fewer where more alarms are asked for."""
EVENTS = 4.0
"""An event ends after so small a part of the readings in which one alarm is asked for."""
RISE = 1.0
"""How much higher than its event's first alarm a score is that deserves one more."""
SINGLE = 0.4
"""Of the readings above a threshold about so many are the first of their event (on the same simulated signals)."""
CAREFUL = 0.1
"""With every alarm a device has to be so much surer for the next, which wears off in the readings in which one alarm is
asked for. So there are no more, whatever the signal (Robbins and Monro's stochastic approximation)."""
CRITICAL = 1.0
"""A critical anomaly is ten times as rare as the threshold."""

_F1, _I1 = types.float64[::1], types.int32[::1]
_S3 = types.float64[:, :, ::1]


@njit(
    types.void(
        _I1, types.float64[:, ::1],  # readings
        types.int64[::1], _I1, _I1,  # trainings
        _S3, types.float32[:, :, ::1], types.float64[:, ::1],  # state
        _F1, types.int64,  # the fleet's
        types.int64, _F1, _F1, _F1,  # rules
        _F1, types.boolean[::1], types.int16[::1], _F1, types.float64[:, ::1], types.float64[:, ::1],  # judgement
        _F1, _F1, types.float64[:, ::1], _I1,  # updates
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def observe(
    rows: NDArray[np.int32],
    values: NDArray[np.float64],
    positions: NDArray[np.int64],
    trained: NDArray[np.int32],
    samples: NDArray[np.int32],
    signals: NDArray[np.float64],
    seasons: NDArray[np.float32],
    devices: NDArray[np.float64],
    fleet: NDArray[np.float64],
    fleet_version: int,
    warm_up: int,
    thresholds: NDArray[np.float64],
    quiet: NDArray[np.float64],
    relief: NDArray[np.float64],
    out_score: NDArray[np.float64],
    out_anomalous: NDArray[np.bool_],
    out_channel: NDArray[np.int16],
    out_z: NDArray[np.float64],
    out_mean: NDArray[np.float64],
    out_std: NDArray[np.float64],
    out_accuracy: NDArray[np.float64],
    out_loss: NDArray[np.float64],
    out_parameters: NDArray[np.float64],
    out_origin: NDArray[np.int32],
) -> None:
    """Judge and learn N readings in order, ending K trainings where they end. ``fleet`` is empty until there is one."""
    ending = 0
    views = np.empty(COMBINED)
    for i in range(len(rows) + 1):
        while ending < len(positions) and positions[ending] == i:
            row = np.uintp(trained[ending])
            share = devices[row, ABOVE] / samples[ending]
            out_accuracy[ending] = 1.0 - share
            out_loss[ending] = -share * math.log(SHARE) - (1.0 - share) * math.log(1.0 - SHARE)
            if not summarise(signals, row, warm_up, out_parameters[ending]) and len(fleet) > 0:
                out_parameters[ending] = np.log(fleet)
            out_origin[ending] = np.int32(devices[row, ORIGIN])
            devices[row, ROWS] = 0.0
            ending += 1
        if i == len(rows):
            break
        row = np.uintp(rows[i])
        if devices[row, ROWS] == 0.0:
            devices[row, ABOVE] = 0.0
            devices[row, ORIGIN] = fleet_version
            devices[row, FLEET_QUANTILE], devices[row, FLEET_EXCESS] = USUAL_QUANTILE, USUAL_EXCESS
            if len(fleet) > 0 and fleet[COMBINED * SIZE_OF_TAIL + RATE] <= LIKELY:
                devices[row, FLEET_QUANTILE] = fleet[COMBINED * SIZE_OF_TAIL + QUANTILE]
                devices[row, FLEET_EXCESS] = fleet[COMBINED * SIZE_OF_TAIL + EXCESS]
                lend(signals, row, warm_up, fleet)
        devices[row, ROWS] += 1.0

        channel, rarest, largest, unusual, longest, known = -1, 0.0, 0.0, 0.0, 1.0, 0
        for j in range(values.shape[1]):
            value = values[i, j]
            if np.isnan(value):
                out_mean[i, j] = out_std[i, j] = np.nan
                continue
            known += 1
            value, base = rate(signals, seasons, row, np.uintp(j), value)
            count = int(signals[row, j, COUNT])
            mean = signals[row, j, LEVEL] if count > 0 else value
            std = max(math.sqrt(signals[row, j, SPREAD]), FLOOR * max(1.0, abs(mean)))
            out_mean[i, j], out_std[i, j] = base + mean, std
            look(signals, seasons, row, np.uintp(j), value, views, True)
            z, rare = 0.0, 0.0
            if count >= warm_up:
                z = (value - mean) / std
                seen = count - warm_up + signals[row, j, TRUST]
                evidence = weigh(signals, row, np.uintp(j), seen, views)
                if evidence >= 0.0:
                    rare = rareness(
                        signals, row, np.uintp(j), seen - FIRST,
                        devices[row, FLEET_QUANTILE], devices[row, FLEET_EXCESS], evidence,
                    )  # fmt: skip
                    if seen >= 2 * FIRST and evidence > signals[row, j, EVIDENCE + QUANTILE]:
                        unusual = 1.0
                    learn(signals, row, np.uintp(j), EVIDENCE, evidence, seen - FIRST)
                    longest = max(longest, KNOWN * (seen - FIRST + 1.0))
            if channel < 0 or rare > rarest or (rare == rarest and abs(z) > abs(largest)):
                channel, rarest, largest = j, rare, z
        devices[row, ABOVE] += unusual
        out_channel[i] = channel
        out_z[i] = largest
        if known > 1:
            # The rarest of many is less rare than it is by itself (Bonferroni): the alarms asked for are a device's.
            rarest = max(rarest - math.log10(known), 0.0)
        # Most readings are nothing special, and a logarithm costs.
        out_score[i] = rarest if rarest < 1.0 else min(rarest, max(math.log10(longest), 1.0))

        # One event is one alarm, unless it becomes much rarer than it was when it was raised.
        devices[row, QUIET] += 1.0
        devices[row, CAUTION] = max(devices[row, CAUTION] - relief[i], 0.0)
        if devices[row, QUIET] > quiet[i]:
            devices[row, PEAK] = 0.0
        out_anomalous[i] = False
        if out_score[i] > thresholds[i]:
            devices[row, QUIET] = 0.0
            raised = devices[row, PEAK] > 0.0
            if rarest > (devices[row, PEAK] + RISE if raised else thresholds[i] + devices[row, CAUTION]):
                devices[row, PEAK] = rarest
                devices[row, CAUTION] += CAREFUL
                out_anomalous[i] = True


class Tail:
    """Calibrated tails of several views of each signal; one alarm an event, about as many a day as are asked for."""

    name = "tail"
    strategy = "median"
    statistics = False
    paced = True
    lasting = False
    space = AS_THEY_ARE
    remembers: tuple[str, ...] = ()
    layouts: Sequence[Layout] = (LAYOUT,)

    def __init__(self, rules: Rules) -> None:
        self.alarm_every = rules.alarm_every
        self.threshold = float(_thresholds(np.array(rules.alarm_every)))
        self.critical = self.threshold + CRITICAL
        self.warm_up = rules.min_readings + SETTLING
        self.signals = np.zeros((0, 0, SIZE_OF_SIGNAL))
        self.seasons = np.zeros((0, 0, SIZE_OF_SEASON), np.float32)
        self.devices = np.zeros((0, SIZE_OF_DEVICE))
        self.fleet = np.zeros(0)
        self.fleet_version = 0

    @classmethod
    def misfit(cls, parameters: Parameters) -> str | None:
        return misfit(parameters, LAYOUT)

    def meet(self, kinds: Sequence[Channels], kind: NDArray[np.int16]) -> None:
        del kinds, kind  # tails are in units of their signal: those of all kinds are alike

    def grow(self, devices: int, channels: int) -> None:
        self.signals = grown(self.signals, devices, channels)
        self.seasons = grown(self.seasons, devices, channels)
        self.devices = grown(self.devices, devices)

    def observe(
        self,
        rows: NDArray[np.int32],
        values: NDArray[np.float64],
        labels: NDArray[np.int8],
        trainings: Trainings,
        every: NDArray[np.float64] | None = None,
    ) -> tuple[Judgement, Updates]:
        del labels  # it has no use for them
        count, ended = len(rows), len(trainings.rows)
        every = np.full(count, self.alarm_every) if every is None else every
        thresholds, quiet = _thresholds(every), np.minimum(EVENT, every / EVENTS)
        anomalous = np.empty(count, np.bool_)
        channel = np.empty(count, np.int16)
        rarities, z = np.empty((2, count))
        mean, std = np.empty((2, *values.shape))
        accuracy, loss = np.empty((2, ended))
        parameters, origin = np.empty((ended, SIZE_OF_MODEL)), np.empty(ended, np.int32)
        observe(
            rows, values, trainings.positions, trainings.rows, trainings.samples,
            self.signals, self.seasons, self.devices, self.fleet, self.fleet_version,
            self.warm_up, thresholds, quiet, CAREFUL / every,
            rarities, anomalous, channel, z, mean, std, accuracy, loss, parameters, origin,
        )  # fmt: skip
        judgement = Judgement(rarities, anomalous, channel, z, mean, std, None, thresholds)
        return judgement, Updates(accuracy, loss, parameters, np.zeros(ended, np.int32), origin)

    def adopt(self, parameters: Parameters, version: int) -> None:
        self.fleet, self.fleet_version = _tails(parameters), version

    def predict(self, judgement: Judgement, parameters: Parameters) -> NDArray[np.float64]:
        thresholds = judgement.thresholds
        if thresholds is None:
            thresholds = np.full(len(judgement.z), self.threshold)
        result: NDArray[np.float64] = probabilities(judgement.z, _tails(parameters), thresholds)
        return result

    def columns(self) -> Columns:
        return {"devices": self.devices, "seasons": self.seasons, "signals": self.signals}

    def parameters(self, row: int) -> Parameters:
        tails = np.empty(SIZE_OF_MODEL)
        if not summarise(self.signals, np.uintp(row), self.warm_up, tails) and len(self.fleet):
            tails = np.log(self.fleet)
        return unflatten(tails, LAYOUT)


def _thresholds(every: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores above which there are so many readings to an event. In hundredths, so that a fleet has few."""
    thresholds: NDArray[np.float64] = np.round(np.log10(np.maximum(SINGLE * every, 2.0)), 2)
    return thresholds


def _tails(parameters: Parameters) -> NDArray[np.float64]:
    """Tails from what is shared: a foreign model can be far off, but not beyond all bounds."""
    tails: NDArray[np.float64] = np.exp(np.clip(flatten(parameters, LAYOUT), math.log(TINY), -math.log(TINY)))
    return tails
