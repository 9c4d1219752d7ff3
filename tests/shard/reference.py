"""A shard as DESIGN and docstrings define it: plain Python, slow, and written without a look at the fast one.

Windows are deques summed twice over, the clock looks at every device at every second, and a training is a list
of readings that is learnt when it ends. ``doubts`` counts decisions that rounding could turn: a stream that
raises one proves nothing.
"""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple

from flead.learning.rules import Rules

Model = list[float]


class Judged(NamedTuple):
    channel: int
    z: float
    mean: list[float]
    std: list[float]
    probability: float


class Ended(NamedTuple):
    row: int
    version: int
    samples: int
    time: int
    accuracy: float
    loss: float
    model: Model
    global_version: int


class Sample(NamedTuple):
    features: tuple[float, float, float]
    label: int


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Of a window: exactly rounded sums, the mean first and then the squares about it."""
    origin = values[0]
    mean = origin + math.fsum(value - origin for value in values) / len(values)
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    return mean, max(std, 1e-6 * max(1.0, abs(mean)))


def probability(model: Model, features: Sequence[float]) -> float:
    return 1 / (1 + math.exp(-score(model, features)))


def score(model: Model, features: Sequence[float]) -> float:
    return sum(weight * feature for weight, feature in zip(model, features, strict=False)) + model[3]


def cross_entropy(score: float, label: int) -> float:
    """-log p(label), with p = sigmoid(score)."""
    towards = score if label else -score
    return math.log1p(math.exp(-towards)) if towards > -700 else -towards


class Schedule:
    """Who trains when. A training is announced as (row, end time)."""

    def __init__(self, train_readings: int, train_seconds: int) -> None:
        self.train_readings, self.milliseconds = train_readings, train_seconds * 1000
        self.now: int | None = None
        self.pending: dict[int, int] = defaultdict(int)
        self.trained_at: dict[int, int] = {}

    def before(self, time: int) -> list[tuple[int, int]]:
        """The trainings that end before a reading of this time, since it moves the clock into a later second."""
        ended = []
        if self.now is not None:
            for tick in range((self.now // 1000 + 1) * 1000, time + 1, 1000):
                if not any(self.pending.values()):
                    break
                for row in sorted(self.pending):
                    if self.pending[row] and tick >= self.trained_at[row] + self.milliseconds:
                        ended.append((row, tick))
                        self.pending[row], self.trained_at[row] = 0, tick
        self.now = time if self.now is None else max(self.now, time)
        return ended

    def after(self, row: int, time: int) -> list[tuple[int, int]]:
        """The training that ends with this reading, if one does."""
        assert self.now is not None
        since = self.trained_at.setdefault(row, self.now)
        self.pending[row] += 1
        if self.pending[row] < self.train_readings and self.now < since + self.milliseconds:
            return []
        self.pending[row], self.trained_at[row] = 0, self.now
        return [(row, time)]


class Shard:
    """What ``flead.shard.shard.Shard`` is, a reading at a time."""

    def __init__(self, rules: Rules, train_readings: int, train_seconds: int) -> None:
        self.rules = rules
        self.schedule = Schedule(train_readings, train_seconds)
        self.windows: dict[tuple[int, int], deque[float]] = defaultdict(lambda: deque(maxlen=rules.window))
        self.models: dict[int, Model] = defaultdict(lambda: [0.0] * 4)
        self.beginnings: dict[int, tuple[Model, int]] = {}
        self.batches: dict[int, list[Sample]] = defaultdict(list)
        self.versions: dict[int, int] = defaultdict(int)
        self.global_model: tuple[Model, int] | None = None
        self.doubts = 0

    def adopt(self, model: Model, version: int) -> None:
        if self.global_model is None or version > self.global_model[1]:
            self.global_model = (model, version)

    def observe(self, row: int, time: int, values: Sequence[float], label: int) -> tuple[Judged, list[Ended]]:
        ended = [self._train(row, end) for row, end in self.schedule.before(time)]
        judged, features = self._judge(row, values)
        if not self.batches[row]:
            self._begin(row)
        # The probability of an anomaly by the model that knows none of the training's readings.
        begun = score(self.beginnings[row][0], features)
        self._doubt(begun, 0.0)
        scored = any(len(self.windows[row, j]) > self.rules.min_readings for j in present(values))
        judged = judged._replace(probability=1 / (1 + math.exp(-begun)) if scored else 0.0)

        self._doubt(abs(judged.z), self.rules.threshold)
        rule = int(abs(judged.z) > self.rules.threshold)
        self.batches[row].append(Sample(features, label if self.rules.supervised and label != -1 else rule))
        ended += [self._train(row, end) for row, end in self.schedule.after(row, time)]
        return judged, ended

    def _judge(self, row: int, values: Sequence[float]) -> tuple[Judged, tuple[float, float, float]]:
        """The verdict (its probability still open), and the features of the channel that speaks."""
        means, stds = [math.nan] * len(values), [math.nan] * len(values)
        scores: dict[int, float] = {}
        for j in present(values):
            window, value = self.windows[row, j], values[j]
            means[j], stds[j] = mean_and_std(window) if window else (value, 1e-6 * max(1.0, abs(value)))
            scores[j] = (value - means[j]) / stds[j] if len(window) >= self.rules.min_readings else 0.0
            window.append(value)
        speaker = max(scores, key=lambda j: abs(scores[j]))
        for j in scores.keys() - {speaker}:
            self._doubt(abs(scores[j]), abs(scores[speaker]))
        z, mean, std = scores[speaker], means[speaker], stds[speaker]
        if self.rules.features == "raw":
            features = (mean, std, z)
        else:
            features = (mean / (abs(mean) + std), std / (abs(mean) + std), min(abs(z), 10.0))
        return Judged(speaker, z, means, stds, math.nan), features

    def _begin(self, row: int) -> None:
        version = 0
        if self.global_model is not None:
            parameters, version = self.global_model
            pairs, mix = zip(parameters, self.models[row], strict=True), self.rules.mix
            self.models[row] = [mix * new + (1 - mix) * own for new, own in pairs]
        self.beginnings[row] = (list(self.models[row]), version)

    def _train(self, row: int, time: int) -> Ended:
        batch, (begun, version) = self.batches.pop(row), self.beginnings.pop(row)
        scores = [score(begun, sample.features) for sample in batch]
        right = sum((score >= 0) == bool(sample.label) for score, sample in zip(scores, batch, strict=True))
        loss = math.fsum(cross_entropy(score, sample.label) for score, sample in zip(scores, batch, strict=True))
        model, rules = list(begun), self.rules
        for features, label in batch:
            error = probability(model, features) - label
            model = [
                weight - rules.learning_rate * (error * feature + rules.proximal * (weight - start))
                for weight, feature, start in zip(model, (*features, 1.0), begun, strict=True)
            ]
        self.models[row] = model
        self.versions[row] += 1
        count = len(batch)
        return Ended(row, self.versions[row], count, time, right / count, loss / count, model, version)

    def _doubt(self, value: float, limit: float) -> None:
        self.doubts += value != limit and abs(value - limit) < 1e-9 * max(1.0, abs(limit))


def present(values: Sequence[float]) -> list[int]:
    return [j for j, value in enumerate(values) if not math.isnan(value)]
