"""Learner ``sentinel``: one default for every source and any number of channels.

It says two things of a reading. Its *score* is how rare the evidence of all views and of the shared model is, as the
decimal logarithm of the readings between two that are as rare: an event, of which there are about as many a day as are
asked for. And an event that lasts is flagged while the shared model finds the device faulty: its recovery is its end.

An update's ``accuracy`` is the share of right answers to which of a signal and its faulty twin is which, before they
were learnt, its ``loss`` their cross-entropy.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flead.learning.arrays import Columns, grown
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
from flead.learning.sentinel.judge import CAREFUL
from flead.learning.sentinel.model import INPUTS, LAYOUT, SIZE_OF_MODEL, probabilities
from flead.learning.sentinel.observe import observe
from flead.learning.sentinel.record import CALIBRATIONS, KINDS, SIZE_OF_DEVICE, SIZE_OF_SIGNAL, SIZE_OF_TWIN
from flead.learning.sentinel.relations import GROUP, STATES
from flead.learning.sentinel.shipped import MODEL, TAUGHT, USUAL
from flead.learning.sentinel.state import Said, Scratch, State, Stream, Teaching
from flead.learning.sentinel.twins import FAULTS, SPIKE
from flead.learning.tail.season import SIZE_OF_SEASON
from flead.learning.tail.tails import SIZE_OF_TAIL

SETTLING = 20
"""Readings after the first ``min_readings`` until the views have settled."""
EVENT, EVENTS = 150.0, 4.0
"""Readings without evidence that end an event, and a smaller part of those in which one alarm is asked for."""
SINGLE = 0.4
"""Of the readings above a threshold about so many are the first of their event."""
CRITICAL = 1.0
"""A critical anomaly is ten times as rare as the threshold."""


class Sentinel:
    """Events and states of devices, by calibrated voices and a model that the fleet teaches itself."""

    name = "sentinel"
    strategy = "fedbuff"
    statistics = False
    paced = True
    lasting = True
    space = AS_THEY_ARE
    remembers: tuple[str, ...] = ()
    layouts: Sequence[Layout] = (LAYOUT,)
    faults = np.arange(SPIKE, len(FAULTS))
    """The kinds of faults that twins suffer."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.threshold = float(thresholds_of(np.array(rules.alarm_every)))
        self.critical = self.threshold + CRITICAL
        self.state = State(
            np.zeros((0, 0, SIZE_OF_SIGNAL)), np.zeros((0, 0, SIZE_OF_SEASON), np.float32),
            np.zeros((0, SIZE_OF_DEVICE)), np.zeros((0, CALIBRATIONS, SIZE_OF_TAIL)), np.zeros((0, 2 * SIZE_OF_MODEL)),
            np.zeros((0, SIZE_OF_TWIN)), np.zeros((0, 0, 2, 0)), np.zeros((0, 0, 2, 0)),
        )  # fmt: skip
        self.model = np.array(MODEL)
        self.version = 0

    @classmethod
    def misfit(cls, parameters: Parameters) -> str | None:
        return misfit(parameters, LAYOUT)

    def meet(self, kinds: Sequence[Channels], kind: NDArray[np.int16]) -> None:
        del kinds, kind  # views have no unit: one model for all

    def grow(self, devices: int, channels: int) -> None:
        state, group = self.state, min(channels, GROUP)
        self.state = State(
            grown(state.signals, devices, channels), grown(state.seasons, devices, channels),
            grown(state.devices, devices), grown(state.calibrations, devices), grown(state.models, devices),
            grown(state.twins, devices), grown(state.covariances, devices, channels, 2, group),
            grown(state.precisions, devices, channels, 2, group),
        )  # fmt: skip

    def observe(
        self,
        rows: NDArray[np.int32],
        values: NDArray[np.float64],
        labels: NDArray[np.int8],
        trainings: Trainings,
        every: NDArray[np.float64] | None = None,
    ) -> tuple[Judgement, Updates]:
        del labels  # it has no use for them
        (count, channels), ended = values.shape, len(trainings.rows)
        every = np.full(count, self.rules.alarm_every) if every is None else every
        thresholds = thresholds_of(every)
        stream = Stream(
            rows, values, trainings.positions, trainings.rows, thresholds,
            np.minimum(EVENT, every / EVENTS), CAREFUL / every,
        )  # fmt: skip
        said = said_of(count, channels, ended)
        observe(self.state, stream, self.teaching(), scratch_of(channels), said)
        judgement = Judgement(
            said.score, said.anomalous, said.channel, said.z, said.mean, said.std, None, thresholds, said.features
        )
        return judgement, Updates(said.accuracy, said.loss, said.parameters, np.zeros(ended, np.int32), said.origin)

    def teaching(self) -> Teaching:
        """What its devices' models start from, and how they learn."""
        return Teaching(
            self.model, self.version, self.rules.mix, self.rules.proximal,
            self.rules.min_readings + SETTLING, self.faults, np.array(USUAL), TAUGHT,
        )  # fmt: skip

    def adopt(self, parameters: Parameters, version: int) -> None:
        self.model, self.version = flatten(parameters, LAYOUT), version

    def predict(self, judgement: Judgement, parameters: Parameters) -> NDArray[np.float64]:
        """Of the channel that the device's own model found to deviate most."""
        if judgement.features is None:
            raise ValueError("not a judgement of this learner: it has no features")
        result: NDArray[np.float64] = probabilities(
            np.ascontiguousarray(judgement.features), flatten(parameters, LAYOUT)
        )
        return result

    def columns(self) -> Columns:
        return self.state._asdict()

    def parameters(self, row: int) -> Parameters:
        return unflatten(self.state.models[row, :SIZE_OF_MODEL].copy(), LAYOUT)


def scratch_of(channels: int) -> Scratch:
    """Room for a reading of so many channels."""
    return Scratch(
        np.zeros((channels, KINDS)), np.zeros(KINDS), np.zeros((STATES, channels)), np.zeros((2, channels)),
        np.zeros(INPUTS), np.zeros(INPUTS), np.zeros(KINDS),
    )  # fmt: skip


def said_of(count: int, channels: int, ended: int) -> Said:
    """Room for what is said of so many readings and trainings."""
    return Said(
        np.zeros(count), np.zeros(count, np.bool_), np.zeros(count, np.int16), np.zeros(count),
        np.empty((count, channels)), np.empty((count, channels)), np.zeros((count, INPUTS + 1), np.float32),
        np.empty(ended), np.empty(ended), np.empty((ended, SIZE_OF_MODEL)), np.empty(ended, np.int32),
    )  # fmt: skip


def thresholds_of(every: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores above which there are so many readings to an event. In hundredths, so that a fleet has few."""
    thresholds: NDArray[np.float64] = np.round(np.log10(np.maximum(SINGLE * every, 2.0)), 2)
    return thresholds
