"""The published device: a window per channel, the rule |z| > threshold, and a logistic model of that rule.

``ZScore`` alarms by the rule, ``Logistic`` by its model; they learn alike.
"""

import math
from collections.abc import Sequence

import numpy as np
from numba import njit, types
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
from flead.learning.logistic import LAYOUT, WEIGHTS, features, probabilities, sigmoid
from flead.learning.rules import Rules
from flead.learning.windows import ANCHOR, FLOOR, MEAN, RING, SIZE, SLOT, STD, Windows, push

SIZE_OF_MODEL = WEIGHTS + 1

AHEAD = 32
"""Readings whose devices' state is fetched at once: so much fits into the processor's nearest cache."""

LARGE = 4 << 20
"""Bytes of windows from which a fleet's state is fetched ahead: a smaller one stays in the caches by itself."""

WEIGHT, START = 0, SIZE_OF_MODEL
LOSS, FACTORS, CORRECT, ROWS, ORIGIN = range(2 * SIZE_OF_MODEL, 2 * SIZE_OF_MODEL + 5)
"""The columns of ``models``: the weights now, those that the training began with, over the training's readings
the loss of the latter (LOSS + log FACTORS), its right answers and their number, and the version of the global model
that it began with. ROWS = 0: the next reading begins a training."""

LARGEST_PRODUCT = 1e280
"""Above it the factors become a logarithm: the next, at most 2, must not overflow them."""

_F1, _I1 = types.float64[::1], types.int32[::1]


@njit(
    types.float64(types.float64[:, ::1], types.uintp, types.int64, types.float64, types.float64, types.float64),
    cache=True,
    nogil=True,
    inline="always",
)
def score(
    models: NDArray[np.float64], row: int | np.uintp, first: int, level: float, spread: float, deviation: float
) -> float:
    """The model's w . f + b, with the four numbers of the model from column ``first`` on."""
    weighted = models[row, first] * level + models[row, first + 1] * spread + models[row, first + 2] * deviation
    return float(weighted + models[row, first + 3])


@njit(
    types.void(_I1, types.intp, types.intp, types.float64[:, :, ::1], types.float64[:, ::1], _F1),
    cache=True,
    nogil=True,
)
def fetch(
    rows: NDArray[np.int32],
    start: int,
    stop: int,
    signals: NDArray[np.float64],
    models: NDArray[np.float64],
    sink: NDArray[np.float64],
) -> None:
    """Read from the state of the devices of readings ``start`` to ``stop`` what judging them will need.

    One read does not wait for another here, so the processor waits for memory once for many devices rather than for
    each in its turn: in a large fleet that is most of a reading's time. What goes to ``sink[start:stop]`` means
    nothing; without it the compiler would leave the reads out.
    """
    for i in range(start, stop):
        row = np.uintp(rows[i])
        sink[i] = models[row, WEIGHT] + models[row, SIZE_OF_MODEL] + models[row, ORIGIN]
        for j in range(signals.shape[1]):
            sink[i] += signals[row, j, ANCHOR] + signals[row, j, SLOT]
    for i in range(start, stop):
        row = np.uintp(rows[i])
        for j in range(signals.shape[1]):
            sink[i] += signals[row, j, RING + int(signals[row, j, SLOT])]


@njit(
    types.void(
        _I1, types.float64[:, ::1], types.int8[::1],  # readings
        types.int64[::1], _I1, _I1,  # trainings
        types.float64[:, :, ::1],  # windows
        types.float64[:, ::1], _F1, types.int64,  # models
        types.int64, *[types.float64] * 4, types.boolean, types.boolean,  # rules
        types.int16[::1], _F1, types.float64[:, ::1], types.float64[:, ::1], _F1,  # judgement
        _F1, _F1, types.float64[:, ::1], _I1,  # updates
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def observe(
    rows: NDArray[np.int32],
    values: NDArray[np.float64],
    labels: NDArray[np.int8],
    positions: NDArray[np.int64],
    trained: NDArray[np.int32],
    samples: NDArray[np.int32],
    signals: NDArray[np.float64],
    models: NDArray[np.float64],
    global_model: NDArray[np.float64],
    global_version: int,
    min_readings: int,
    threshold: float,
    rate: float,
    mix: float,
    proximal: float,
    scaled: bool,
    supervised: bool,
    out_channel: NDArray[np.int16],
    out_z: NDArray[np.float64],
    out_mean: NDArray[np.float64],
    out_std: NDArray[np.float64],
    out_probability: NDArray[np.float64],
    out_accuracy: NDArray[np.float64],
    out_loss: NDArray[np.float64],
    out_parameters: NDArray[np.float64],
    out_origin: NDArray[np.int32],
) -> None:
    """Judge and learn N readings in order, ending K trainings where they end: one pass, nothing allocated.

    ``global_model`` is empty until there is one. ``out_probability`` is that of the model that the reading's
    training began with: one that has not seen the reading. It is 0 until scoring starts.
    """
    ending = 0
    large = 8 * signals.size > LARGE
    for i in range(len(rows) + 1):
        while ending < len(positions) and positions[ending] == i:
            row = trained[ending]
            out_loss[ending] = (models[row, LOSS] + math.log(models[row, FACTORS])) / samples[ending]
            out_accuracy[ending] = models[row, CORRECT] / samples[ending]
            for j in range(SIZE_OF_MODEL):
                out_parameters[ending, j] = models[row, WEIGHT + j]
            out_origin[ending] = np.int32(models[row, ORIGIN])
            models[row, ROWS] = 0.0
            ending += 1
        if i == len(rows):
            break
        if large and i % AHEAD == 0:
            fetch(rows, i, min(i + AHEAD, len(rows)), signals, models, out_z)
        row = np.uintp(rows[i])

        # The channel that deviates most speaks for the reading.
        channel, z, mean, std, scored = -1, 0.0, 0.0, 0.0, False
        for j in range(values.shape[1]):
            value = values[i, j]
            if np.isnan(value):
                out_mean[i, j] = out_std[i, j] = np.nan
                continue
            size = signals[row, j, SIZE]
            # While nothing is known the value itself is the best guess of its mean.
            channel_mean = signals[row, j, MEAN] if size > 0 else value
            channel_std = signals[row, j, STD] if size > 0 else FLOOR * max(1.0, abs(value))
            channel_z = (value - channel_mean) / channel_std if size >= min_readings else 0.0
            scored |= size >= min_readings
            push(signals, row, np.uintp(j), value)
            out_mean[i, j] = channel_mean
            out_std[i, j] = channel_std
            if channel < 0 or abs(channel_z) > abs(z):
                channel, z, mean, std = j, channel_z, channel_mean, channel_std
        out_channel[i] = channel
        out_z[i] = z

        if models[row, ROWS] == 0.0:
            models[row, LOSS] = 0.0
            models[row, FACTORS] = 1.0
            models[row, CORRECT] = 0.0
            models[row, ORIGIN] = global_version
            for j in range(SIZE_OF_MODEL):
                if len(global_model) > 0:
                    models[row, WEIGHT + j] = mix * global_model[j] + (1.0 - mix) * models[row, WEIGHT + j]
                models[row, START + j] = models[row, WEIGHT + j]
        models[row, ROWS] += 1.0

        label = 1.0 if abs(z) > threshold else 0.0
        if supervised and labels[i] >= 0:
            label = float(labels[i])
        level, spread, deviation = features(mean, std, z, scaled)
        before = score(models, row, START, level, spread, deviation)
        # Cross-entropy max(s, 0) - s y + log(1 + exp(-|s|)); the logarithms become one, of a product, at the end.
        models[row, LOSS] += max(before, 0.0) - before * label
        models[row, FACTORS] *= 1.0 + math.exp(-abs(before))
        if models[row, FACTORS] > LARGEST_PRODUCT:
            models[row, LOSS] += math.log(models[row, FACTORS])
            models[row, FACTORS] = 1.0
        models[row, CORRECT] += 1.0 if (before >= 0.0) == (label == 1.0) else 0.0
        out_probability[i] = sigmoid(before) if scored else 0.0

        now = score(models, row, WEIGHT, level, spread, deviation)
        step = rate * (sigmoid(now) - label)
        if proximal > 0.0:
            for j in range(SIZE_OF_MODEL):
                models[row, WEIGHT + j] -= rate * proximal * (models[row, WEIGHT + j] - models[row, START + j])
        models[row, WEIGHT] -= step * level
        models[row, WEIGHT + 1] -= step * spread
        models[row, WEIGHT + 2] -= step * deviation
        models[row, WEIGHT + 3] -= step


class ZScore:
    """Alarms where |z| > threshold, in the channel that deviates most."""

    name = "zscore"
    strategy = "fedbuff"
    statistics = False
    paced = lasting = False
    space = AS_THEY_ARE
    remembers: tuple[str, ...] = ("window", "features")
    layouts: Sequence[Layout] = (LAYOUT,)

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.threshold, self.critical = rules.threshold, rules.critical
        self.windows = Windows(rules.window)
        self.models = np.zeros((0, ORIGIN + 1))
        self.global_model = np.zeros(0)
        self.global_version = 0

    @classmethod
    def misfit(cls, parameters: Parameters) -> str | None:
        return misfit(parameters, LAYOUT)

    def meet(self, kinds: Sequence[Channels], kind: NDArray[np.int16]) -> None:
        del kinds, kind  # one model for all

    def grow(self, devices: int, channels: int) -> None:
        self.windows.grow(devices, channels)
        self.models = grown(self.models, devices)

    def observe(
        self, rows: NDArray[np.int32], values: NDArray[np.float64], labels: NDArray[np.int8], trainings: Trainings,
        every: NDArray[np.float64] | None = None,
    ) -> tuple[Judgement, Updates]:  # fmt: skip
        del every
        count, ended, rules = len(rows), len(trainings.rows), self.rules
        channel = np.empty(count, np.int16)
        z, probability = np.empty((2, count))
        mean, std = np.empty((2, *values.shape))
        accuracy, loss = np.empty((2, ended))
        parameters, origin = np.empty((ended, SIZE_OF_MODEL)), np.empty(ended, np.int32)
        observe(
            rows, values, labels, trainings.positions, trainings.rows, trainings.samples,
            self.windows.signals, self.models, self.global_model, self.global_version,
            rules.min_readings, rules.threshold, rules.learning_rate, rules.mix, rules.proximal,
            rules.features == "scaled", rules.supervised,
            channel, z, mean, std, probability, accuracy, loss, parameters, origin,
        )  # fmt: skip
        score = self._score(z, probability)
        judgement = Judgement(score, score > self.threshold, channel, z, mean, std)
        return judgement, Updates(accuracy, loss, parameters, np.zeros(ended, np.int32), origin)

    def _score(self, z: NDArray[np.float64], probability: NDArray[np.float64]) -> NDArray[np.float64]:
        del probability
        return np.abs(z)

    def adopt(self, parameters: Parameters, version: int) -> None:
        self.global_model, self.global_version = flatten(parameters, LAYOUT), version

    def predict(self, judgement: Judgement, parameters: Parameters) -> NDArray[np.float64]:
        model = flatten(parameters, LAYOUT)
        scaled = self.rules.features == "scaled"
        result: NDArray[np.float64] = probabilities(
            judgement.mean, judgement.std, judgement.channel, judgement.z, model, scaled
        )
        return result

    def columns(self) -> Columns:
        return {"models": self.models, "signals": self.windows.signals}

    def parameters(self, row: int) -> Parameters:
        return unflatten(self.models[row, WEIGHT:SIZE_OF_MODEL].copy(), LAYOUT)


class Logistic(ZScore):
    """Alarms where the model that the device last started from gives an anomaly a probability above one half."""

    name = "logistic"

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self.threshold, self.critical = 0.5, 0.9

    def _score(self, z: NDArray[np.float64], probability: NDArray[np.float64]) -> NDArray[np.float64]:
        del z
        return probability
