"""Learner ``tail``: one alarm an event, so many a day, for any single signal.

The score is the decimal logarithm of the readings between two with as much evidence that something happened (see
evidence.py): 3 comes once in a thousand. So the threshold is no property of the signal but what its user can bear.

A device shares its tails. Their medians over the fleet are what a new device starts from, and what the evidence of all
is compared with.

An update's ``accuracy`` is the share of the training's readings that were not among the rarest 2 % by what the device
knew before: .98 where it is well calibrated. Its ``loss`` is the cross-entropy of that with a probability of 2 %.
"""

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.learning.arrays import Columns, grown
from flead.learning.kernels import Float32x3, Float64x1, Float64x2, Float64x3, Index, kernel, record
from flead.learning.learner import (
    AS_THEY_ARE,
    Adopted,
    Channels,
    Judgement,
    Layout,
    Parameters,
    Readings,
    Trainings,
    Updates,
    end_of,
    flatten,
    misfit,
    unflatten,
)
from flead.learning.rules import Rules
from flead.learning.tail.evidence import (
    COMBINED,
    EVIDENCE,
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
from flead.learning.tail.season import SIZE_OF_SEASON
from flead.learning.tail.tails import EXCESS, FIRST, QUANTILE, SHARE, SIZE_OF_TAIL, learn
from flead.learning.tail.views import COUNT, FLOOR, LEVEL, SPREAD, VIEWS, look, rate

LAYOUT: Layout = dict.fromkeys((*VIEWS, "evidence"), (SIZE_OF_TAIL,))

# The columns of State.devices.
PEAK = 0  # the highest score of the current event; 0: there is none
QUIET = 1  # readings since the last one above the threshold
CAUTION = 2  # by how much a score has to exceed the threshold
ABOVE = 3  # how many of the training's readings were in their signal's tail
ROWS = 4  # how many readings the training has; 0: the next reading begins one
ORIGIN = 5  # the global model that the training began with
FLEET_QUANTILE = 6  # the QUANTILE of the fleet's evidence, as known when the training began
FLEET_EXCESS = 7  # its EXCESS, likewise
SIZE_OF_DEVICE = 8

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


class State(NamedTuple):
    """The state of D devices of up to C channels."""

    devices: Float64x2  # (D, SIZE_OF_DEVICE) the columns above
    seasons: Float32x3  # (D, C, SIZE_OF_SEASON) see season.py
    signals: Float64x3  # (D, C, SIZE_OF_SIGNAL) see evidence.py and views.py


class Pacing(NamedTuple):
    """What the number of alarms asked for means for N readings."""

    thresholds: Float64x1  # (N,) the score above which a reading is an anomaly
    quiet: Float64x1  # (N,) readings below the threshold that end an event
    relief: Float64x1  # (N,) by how much CAUTION wears off with the reading
    warm_up: int  # readings of a signal before it is scored


@kernel
def end_training(state: State, trainings: Trainings, k: int, warm_up: int, updates: Updates) -> None:
    """End training k and write its update."""
    row, devices = np.uintp(trainings.rows[k]), state.devices
    share = devices[row, ABOVE] / trainings.samples[k]
    updates.accuracy[k] = 1.0 - share
    updates.loss[k] = -share * math.log(SHARE) - (1.0 - share) * math.log(1.0 - SHARE)
    summarise(state.signals, row, warm_up, updates.parameters[k])
    updates.global_versions[k] = np.int32(devices[row, ORIGIN])
    devices[row, ROWS] = 0.0


@kernel
def begin_training(state: State, row: Index, warm_up: int, fleet: Adopted) -> None:
    """Begin a device's next training with what the fleet knows."""
    devices, tails = state.devices, fleet.parameters
    devices[row, ABOVE] = 0.0
    devices[row, ORIGIN] = fleet.version
    devices[row, FLEET_QUANTILE], devices[row, FLEET_EXCESS] = USUAL_QUANTILE, USUAL_EXCESS
    if len(tails) > 0:
        devices[row, FLEET_QUANTILE] = tails[COMBINED * SIZE_OF_TAIL + QUANTILE]
        devices[row, FLEET_EXCESS] = tails[COMBINED * SIZE_OF_TAIL + EXCESS]
        lend(state.signals, row, warm_up, tails)


@kernel(_nrt=False)  # it allocates nothing, so that there are no references to count
def observe(
    readings: Readings,
    trainings: Trainings,
    state: State,
    fleet: Adopted,
    pacing: Pacing,
    views: Float64x1,
    judgement: Annotated[Judgement, record(Judgement)],
    updates: Updates,
) -> None:
    """Judge N readings and learn from them in order, ending K trainings where they end.

    ``views`` (V,) is room for the views of one reading. Fills in ``judgement`` and ``updates``.
    """
    rows, values = readings.rows, readings.values
    thresholds, quiet, relief = pacing.thresholds, pacing.quiet, pacing.relief
    devices, seasons, signals = state.devices, state.seasons, state.signals
    scores, anomalous, channel_of, deviations = judgement.score, judgement.anomalous, judgement.channel, judgement.z
    means, stds = judgement.mean, judgement.std
    warm_up = pacing.warm_up
    ending, end = 0, end_of(trainings, 0)
    for i in range(len(rows) + 1):
        while i == end:
            end_training(state, trainings, ending, warm_up, updates)
            ending += 1
            end = end_of(trainings, ending)
        if i == len(rows):
            break
        row = np.uintp(rows[i])
        if devices[row, ROWS] == 0.0:
            begin_training(state, row, warm_up, fleet)
        devices[row, ROWS] += 1.0

        channel, rarest, largest, unusual, longest, known = -1, 0.0, 0.0, 0.0, 1.0, 0
        for j in range(values.shape[1]):
            value = values[i, j]
            if np.isnan(value):
                means[i, j] = stds[i, j] = np.nan
                continue
            known += 1
            value, base = rate(signals, seasons, row, np.uintp(j), value)
            count = int(signals[row, j, COUNT])
            mean = signals[row, j, LEVEL] if count > 0 else value
            std = max(math.sqrt(signals[row, j, SPREAD]), FLOOR * max(1.0, abs(mean)))
            means[i, j], stds[i, j] = base + mean, std
            look(signals, seasons, row, np.uintp(j), value, views)
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
        channel_of[i] = channel
        deviations[i] = largest
        if known > 1:
            # The rarest of many is less rare than it is by itself (Bonferroni): the alarms asked for are a device's.
            rarest = max(rarest - math.log10(known), 0.0)
        # Most readings are nothing special, and a logarithm costs.
        scores[i] = rarest if rarest < 1.0 else min(rarest, max(math.log10(longest), 1.0))

        # One event is one alarm, unless it becomes much rarer than it was when it was raised.
        devices[row, QUIET] += 1.0
        devices[row, CAUTION] = max(devices[row, CAUTION] - relief[i], 0.0)
        if devices[row, QUIET] > quiet[i]:
            devices[row, PEAK] = 0.0
        anomalous[i] = False
        if scores[i] > thresholds[i]:
            devices[row, QUIET] = 0.0
            raised = devices[row, PEAK] > 0.0
            if rarest > (devices[row, PEAK] + RISE if raised else thresholds[i] + devices[row, CAUTION]):
                devices[row, PEAK] = rarest
                devices[row, CAUTION] += CAREFUL
                anomalous[i] = True


class Tail:
    """Calibrated tails of several views of each signal; one alarm an event, about as many a day as are asked for."""

    name = "tail"
    strategy = "median"
    statistics = False
    paced = True
    space = AS_THEY_ARE
    remembers: tuple[str, ...] = ()
    layouts: Sequence[Layout] = (LAYOUT,)

    def __init__(self, rules: Rules) -> None:
        self.alarm_every = rules.alarm_every
        self.threshold = float(_thresholds(np.array(rules.alarm_every)))
        self.critical = self.threshold + CRITICAL
        self.warm_up = rules.min_readings + SETTLING
        self.state = State(
            devices=np.zeros((0, SIZE_OF_DEVICE)),
            seasons=np.zeros((0, 0, SIZE_OF_SEASON), np.float32),
            signals=np.zeros((0, 0, SIZE_OF_SIGNAL)),
        )
        self.fleet = Adopted(np.zeros(0), 0)

    @classmethod
    def misfit(cls, parameters: Parameters) -> str | None:
        return misfit(parameters, LAYOUT)

    def meet(self, kinds: Sequence[Channels], kind: NDArray[np.int16]) -> None:
        del kinds, kind  # tails are in units of their signal: those of all kinds are alike

    def grow(self, devices: int, channels: int) -> None:
        self.state = State(
            devices=grown(self.state.devices, devices),
            seasons=grown(self.state.seasons, devices, channels),
            signals=grown(self.state.signals, devices, channels),
        )

    def observe(
        self,
        rows: NDArray[np.int32],
        values: NDArray[np.float64],
        labels: NDArray[np.int8],
        trainings: Trainings,
        every: NDArray[np.float64] | None = None,
    ) -> tuple[Judgement, Updates]:
        every = np.full(len(rows), self.alarm_every) if every is None else every
        pacing = Pacing(_thresholds(every), np.minimum(EVENT, every / EVENTS), CAREFUL / every, self.warm_up)
        judgement, updates = Judgement.empty(*values.shape), Updates.empty(len(trainings.rows), SIZE_OF_MODEL)
        readings = Readings(rows, values, labels)
        observe(readings, trainings, self.state, self.fleet, pacing, np.empty(COMBINED), judgement, updates)
        return judgement._replace(thresholds=pacing.thresholds), updates

    def adopt(self, parameters: Parameters, version: int) -> None:
        self.fleet = Adopted(_tails(parameters), version)

    def predict(self, judgement: Judgement, parameters: Parameters) -> NDArray[np.float64]:
        thresholds = judgement.thresholds
        if thresholds is None:
            thresholds = np.full(len(judgement.z), self.threshold)
        result: NDArray[np.float64] = probabilities(judgement.z, _tails(parameters), thresholds)
        return result

    def columns(self) -> Columns:
        return self.state._asdict()

    def parameters(self, row: int) -> Parameters:
        tails = np.empty(SIZE_OF_MODEL)
        summarise(self.state.signals, np.uintp(row), self.warm_up, tails)
        return unflatten(tails, LAYOUT)


def _thresholds(every: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores above which there are so many readings to an event. In hundredths, so that a fleet has few."""
    thresholds: NDArray[np.float64] = np.round(np.log10(np.maximum(SINGLE * every, 2.0)), 2)
    return thresholds


def _tails(parameters: Parameters) -> NDArray[np.float64]:
    """Tails from what is shared: a foreign model can be far off, but not beyond all bounds."""
    tails: NDArray[np.float64] = np.exp(np.clip(flatten(parameters, LAYOUT), math.log(TINY), -math.log(TINY)))
    return tails
