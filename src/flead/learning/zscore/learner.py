"""The published device: a window for each channel, the rule |z| > threshold, and a logistic model of that rule.

``ZScore`` raises alarms by the rule, ``Logistic`` by its model; both learn in the same way.
"""

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.learning.arrays import Columns, grown
from flead.learning.kernels import Float64x1, Float64x2, Float64x3, Index, kernel, record
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
from flead.learning.zscore.logistic import LAYOUT, WEIGHTS, features, probabilities, sigmoid
from flead.learning.zscore.windows import ANCHOR, FLOOR, MEAN, RING, SIZE, SLOT, STD, push

SIZE_OF_MODEL = WEIGHTS + 1

AHEAD = 32
"""Readings whose devices' state is fetched together: as much as fits into the processor's nearest cache."""

LARGE = 4 << 20
"""Bytes of windows above which a fleet's state is fetched ahead: a smaller fleet's stays in the caches anyway."""

LARGEST_PRODUCT = 1e280
"""Above it the product of factors is turned into a logarithm: the next factor, at most 2, must not overflow it."""

# The columns of State.models.
WEIGHT = 0  # the model now: WEIGHTS weights and the bias
START = SIZE_OF_MODEL  # the model that the current training began with, likewise
LOSS = 2 * SIZE_OF_MODEL  # the loss of that model over the training's readings is LOSS + log(FACTORS)
FACTORS = LOSS + 1
CORRECT = LOSS + 2  # how many of the training's readings that model classified correctly
ROWS = LOSS + 3  # how many readings the training has; 0: the next reading begins one
ORIGIN = LOSS + 4  # the version of the global model that the training began with
SIZE_OF_STATE = LOSS + 5


class State(NamedTuple):
    """The state of D devices of up to C channels."""

    models: Float64x2  # (D, SIZE_OF_STATE) the columns above
    signals: Float64x3  # (D, C, RING + window) one record per channel, see windows.py


class ZScoreRules(NamedTuple):
    """What the kernel needs of :class:`Rules`, and which of the two learners it is."""

    min_readings: int
    threshold: float
    learning_rate: float
    mix: float
    proximal: float
    scaled: bool  # features: "scaled", not "raw"
    supervised: bool
    by_model: bool  # the score is the model's probability, not |z|
    alarm: float  # the score above which a reading is an anomaly


@kernel
def fetch(readings: Readings, start: int, stop: int, state: State, sink: Float64x1) -> None:
    """Read the state that judging readings ``start`` to ``stop`` will need.

    No read waits for another here, so the processor waits for memory once for many devices rather than once for each:
    in a large fleet that is most of the time a reading takes. What is written to ``sink[start:stop]`` means nothing;
    without it the compiler would leave the reads out.
    """
    models, signals = state.models, state.signals
    for i in range(start, stop):
        row = np.uintp(readings.rows[i])
        sink[i] = models[row, WEIGHT] + models[row, START] + models[row, ORIGIN]
        for j in range(signals.shape[1]):
            sink[i] += signals[row, j, ANCHOR] + signals[row, j, SLOT]
    for i in range(start, stop):
        row = np.uintp(readings.rows[i])
        for j in range(signals.shape[1]):
            sink[i] += signals[row, j, RING + int(signals[row, j, SLOT])]


@kernel
def begin_training(models: Float64x2, row: Index, adopted: Adopted, mix: float) -> None:
    """Begin a device's next training, with ``mix`` of the newest global model in its own."""
    models[row, LOSS] = 0.0
    models[row, FACTORS] = 1.0
    models[row, CORRECT] = 0.0
    models[row, ORIGIN] = adopted.version
    for j in range(SIZE_OF_MODEL):
        if len(adopted.parameters) > 0:
            models[row, WEIGHT + j] = mix * adopted.parameters[j] + (1.0 - mix) * models[row, WEIGHT + j]
        models[row, START + j] = models[row, WEIGHT + j]


@kernel
def end_training(models: Float64x2, trainings: Trainings, k: int, updates: Updates) -> None:
    """End training k and write its update."""
    row = np.uintp(trainings.rows[k])
    updates.loss[k] = (models[row, LOSS] + math.log(models[row, FACTORS])) / trainings.samples[k]
    updates.accuracy[k] = models[row, CORRECT] / trainings.samples[k]
    for j in range(SIZE_OF_MODEL):
        updates.parameters[k, j] = models[row, WEIGHT + j]
    updates.global_versions[k] = np.int32(models[row, ORIGIN])
    models[row, ROWS] = 0.0


@kernel(inline="always")
def score(models: Float64x2, row: Index, first: int, level: float, spread: float, deviation: float) -> float:
    """W . f + b, with the model in the columns from ``first`` on and the features level, spread and deviation."""
    weighted = models[row, first] * level + models[row, first + 1] * spread + models[row, first + 2] * deviation
    return float(weighted + models[row, first + 3])


@kernel(_nrt=False)  # it allocates nothing, so that there are no references to count: 5 % of the time of a reading
def observe(
    readings: Readings,
    trainings: Trainings,
    state: State,
    adopted: Adopted,
    rules: ZScoreRules,
    judgement: Annotated[Judgement, record(Judgement)],
    updates: Updates,
) -> None:
    """Judge N readings and learn from them in order, ending K trainings where they end: one pass, nothing allocated.

    Fills in ``judgement`` and ``updates``. The model's probability is that of the model which the reading's training
    began with, which has not seen the reading; it is 0 until scoring starts.
    """
    rows, values, labels = readings.rows, readings.values, readings.labels
    models, signals = state.models, state.signals
    scores, anomalous, channels, deviations = judgement.score, judgement.anomalous, judgement.channel, judgement.z
    means, stds = judgement.mean, judgement.std
    ending, end = 0, end_of(trainings, 0)
    large = 8 * signals.size > LARGE
    for i in range(len(rows) + 1):
        while i == end:
            end_training(models, trainings, ending, updates)
            ending += 1
            end = end_of(trainings, ending)
        if i == len(rows):
            break
        if large and i % AHEAD == 0:
            fetch(readings, i, min(i + AHEAD, len(rows)), state, deviations)
        row = np.uintp(rows[i])

        # The channel that deviates most speaks for the reading.
        channel, z, mean, std, scored = -1, 0.0, 0.0, 0.0, False
        for j in range(values.shape[1]):
            value = values[i, j]
            if np.isnan(value):
                means[i, j] = stds[i, j] = np.nan
                continue
            size = signals[row, j, SIZE]
            # While nothing is known, the value itself is the best guess of its mean.
            channel_mean = signals[row, j, MEAN] if size > 0 else value
            channel_std = signals[row, j, STD] if size > 0 else FLOOR * max(1.0, abs(value))
            channel_z = (value - channel_mean) / channel_std if size >= rules.min_readings else 0.0
            scored |= size >= rules.min_readings
            push(signals, row, np.uintp(j), value)
            means[i, j] = channel_mean
            stds[i, j] = channel_std
            if channel < 0 or abs(channel_z) > abs(z):
                channel, z, mean, std = j, channel_z, channel_mean, channel_std
        channels[i] = channel
        deviations[i] = z

        if models[row, ROWS] == 0.0:
            begin_training(models, row, adopted, rules.mix)
        models[row, ROWS] += 1.0

        label = 1.0 if abs(z) > rules.threshold else 0.0
        if rules.supervised and labels[i] >= 0:
            label = float(labels[i])
        level, spread, deviation = features(mean, std, z, rules.scaled)
        before = score(models, row, START, level, spread, deviation)
        # Cross-entropy max(s, 0) - s y + log(1 + exp(-|s|)); the logarithms become one, of a product, at the end.
        models[row, LOSS] += max(before, 0.0) - before * label
        models[row, FACTORS] *= 1.0 + math.exp(-abs(before))
        if models[row, FACTORS] > LARGEST_PRODUCT:
            models[row, LOSS] += math.log(models[row, FACTORS])
            models[row, FACTORS] = 1.0
        models[row, CORRECT] += 1.0 if (before >= 0.0) == (label == 1.0) else 0.0
        if rules.by_model:
            scores[i] = sigmoid(before) if scored else 0.0
        else:
            scores[i] = abs(z)
        anomalous[i] = scores[i] > rules.alarm

        now = score(models, row, WEIGHT, level, spread, deviation)
        step = rules.learning_rate * (sigmoid(now) - label)
        if rules.proximal > 0.0:
            pull = rules.learning_rate * rules.proximal
            for j in range(SIZE_OF_MODEL):
                models[row, WEIGHT + j] -= pull * (models[row, WEIGHT + j] - models[row, START + j])
        models[row, WEIGHT] -= step * level
        models[row, WEIGHT + 1] -= step * spread
        models[row, WEIGHT + 2] -= step * deviation
        models[row, WEIGHT + 3] -= step


class ZScore:
    """Raises an alarm where |z| > threshold, in the channel that deviates most."""

    name = "zscore"
    strategy = "fedbuff"
    statistics = False
    paced = False
    space = AS_THEY_ARE
    remembers: tuple[str, ...] = ("window", "features")
    layouts: Sequence[Layout] = (LAYOUT,)
    by_model = False
    """Whether the score is the model's probability; it is |z| otherwise."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.threshold, self.critical = (0.5, 0.9) if self.by_model else (rules.threshold, rules.critical)
        self.state = State(np.zeros((0, SIZE_OF_STATE)), np.zeros((0, 0, RING + rules.window)))
        self.adopted = Adopted(np.zeros(0), 0)
        self._kernel_rules = ZScoreRules(
            min_readings=rules.min_readings,
            threshold=rules.threshold,
            learning_rate=rules.learning_rate,
            mix=rules.mix,
            proximal=rules.proximal,
            scaled=rules.features == "scaled",
            supervised=rules.supervised,
            by_model=self.by_model,
            alarm=self.threshold,
        )

    @classmethod
    def misfit(cls, parameters: Parameters) -> str | None:
        return misfit(parameters, LAYOUT)

    def meet(self, kinds: Sequence[Channels], kind: NDArray[np.int16]) -> None:
        del kinds, kind  # one model for all kinds of devices

    def grow(self, devices: int, channels: int) -> None:
        self.state = State(grown(self.state.models, devices), grown(self.state.signals, devices, channels))

    def observe(
        self,
        rows: NDArray[np.int32],
        values: NDArray[np.float64],
        labels: NDArray[np.int8],
        trainings: Trainings,
        every: NDArray[np.float64] | None = None,
    ) -> tuple[Judgement, Updates]:
        del every
        judgement, updates = Judgement.empty(*values.shape), Updates.empty(len(trainings.rows), SIZE_OF_MODEL)
        observe(
            Readings(rows, values, labels), trainings, self.state, self.adopted, self._kernel_rules, judgement, updates
        )
        return judgement, updates

    def adopt(self, parameters: Parameters, version: int) -> None:
        self.adopted = Adopted(flatten(parameters, LAYOUT), version)

    def predict(self, judgement: Judgement, parameters: Parameters) -> NDArray[np.float64]:
        model, scaled = flatten(parameters, LAYOUT), self.rules.features == "scaled"
        return probabilities(judgement.mean, judgement.std, judgement.channel, judgement.z, model, scaled)

    def columns(self) -> Columns:
        return self.state._asdict()

    def parameters(self, row: int) -> Parameters:
        return unflatten(self.state.models[row, WEIGHT:START].copy(), LAYOUT)


class Logistic(ZScore):
    """Alarms where the model that the device last started from gives an anomaly a probability above one half."""

    name = "logistic"
    by_model = True
