"""What a device runs: the contract of all learners."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from flead.learning.arrays import Columns
from flead.learning.kernels import Boolx1, Float64x1, Float64x2, Int8x1, Int16x1, Int32x1, Int64x1, kernel
from flead.learning.rules import Rules

Parameters = dict[str, NDArray[np.float64]]
"""A model as named arrays: what travels between devices and server."""

Layout = dict[str, tuple[int, ...]]
"""The shapes of a model's arrays by name, in the order in which they lie in a flat one."""

Channels = tuple[str, ...]
"""The names of a device's channels, in the order of its values."""


class Readings(NamedTuple):
    """N readings of up to C channels, in the order in which they came."""

    rows: Int32x1  # (N,) the device of each
    values: Float64x2  # (N, C) NaN for a channel that the reading lacks
    labels: Int8x1  # (N,) ground truth: 1 anomaly, 0 normal, -1 not known


class Trainings(NamedTuple):
    """K trainings that end within a batch, in the order in which they end.

    Training k belongs to device ``rows[k]`` and ends just before reading ``positions[k]`` of the batch (N: after the
    last one). It covers the ``samples[k]`` readings that the device has sent since its previous training.
    """

    positions: Int64x1  # (K,) rising
    rows: Int32x1  # (K,)
    samples: Int32x1  # (K,)
    times: Int64x1  # (K,) event time of the end, in milliseconds since the epoch


class Adopted(NamedTuple):
    """The newest global model that a learner has adopted."""

    parameters: Float64x1  # (P,) flat, in the order of the learner's layout; empty until there is one
    version: int  # 0 until there is one


class Judgement(NamedTuple):
    """A learner's verdict on N readings of up to C channels."""

    score: Float64x1  # (N,) what is compared with the threshold
    anomalous: Boolx1  # (N,)
    channel: Int16x1  # (N,) the channel that deviates most
    z: Float64x1  # (N,) by how many std it deviates; 0 until scoring starts
    mean: Float64x2  # (N, C) what each channel is judged against (a window, a reference) as it was before the reading
    std: Float64x2  # (N, C) likewise; both are NaN where the reading lacks the channel
    contributions: Float64x2 | None = None
    """(N, C) each channel's share in the score of an anomalous reading: 0 or more, adding up to 1; 0 in the other
    readings. None from a learner that judges by a single channel."""
    thresholds: Float64x1 | None = None
    """(N,) what each score was compared with, from a paced learner. None: the learner's own threshold."""

    @classmethod
    def empty(cls, count: int, channels: int) -> "Judgement":
        """Room for the verdict on ``count`` readings of ``channels`` channels, for a kernel to fill in."""
        score, z = np.empty((2, count))
        mean, std = np.empty((2, count, channels))
        return cls(score, np.empty(count, np.bool_), np.empty(count, np.int16), z, mean, std)

    def part(self, positions: NDArray[np.intp] | slice) -> "Judgement":
        """The verdict on some of the readings."""
        return Judgement(
            score=self.score[positions],
            anomalous=self.anomalous[positions],
            channel=self.channel[positions],
            z=self.z[positions],
            mean=self.mean[positions],
            std=self.std[positions],
            contributions=None if self.contributions is None else self.contributions[positions],
            thresholds=None if self.thresholds is None else self.thresholds[positions],
        )


class Updates(NamedTuple):
    """The results of K trainings. ``accuracy`` and ``loss`` are those of the model before it learnt from the readings.

    ``parameters[k]`` is flat, in the order of ``Learner.layouts[layouts[k]]``; anything beyond that is 0.
    """

    accuracy: Float64x1  # (K,) from 0 to 1; each learner says of what
    loss: Float64x1  # (K,) each learner's own measure, 0 or more
    parameters: Float64x2  # (K, P)
    layouts: Int32x1  # (K,)
    global_versions: Int32x1  # (K,) the global model that the training started from; 0 for none

    @classmethod
    def empty(cls, count: int, parameters: int) -> "Updates":
        """Room for ``count`` results of ``parameters`` numbers each, for a kernel to fill in; all of layout 0."""
        accuracy, loss = np.zeros((2, count))
        layouts, global_versions = np.zeros((2, count), np.int32)
        return cls(accuracy, loss, np.zeros((count, parameters)), layouts, global_versions)


@kernel
def end_of(trainings: Trainings, k: int) -> int:
    """The reading before which training k ends; -1 if there is no training k."""
    return trainings.positions[k] if k < len(trainings.positions) else -1


class Space(NamedTuple):
    """Models as points among which a distance means something: what private updates are clipped in and get noise in.

    What an update says in clear, such as how many readings it is made of, need not be in the point.
    """

    point: Callable[[NDArray[np.float64], Layout], NDArray[np.float64]]
    """(P,) flat parameters of a layout -> (Q,)."""
    at: Callable[[NDArray[np.float64], NDArray[np.float64], Layout], NDArray[np.float64]]
    """Any finite point, and flat parameters that say what no point does -> (P,), the inverse of ``point``."""


AS_THEY_ARE = Space(lambda flat, layout: flat, lambda point, flat, layout: point)
"""Of models that are points as they are."""


class Learner(Protocol):
    """The models of a shard of devices, in columns: one row a device.

    A training begins with the first reading after the one before it, from the newest global model seen by
    then, and takes in every reading as it comes. How a stream is cut into batches changes no bit of any
    result. No argument is changed.
    """

    name: str
    threshold: float
    """The score above which a reading is an anomaly."""
    critical: float
    """The score above which an anomaly is critical; as far above other thresholds."""
    paced: bool
    """It decides by how often a device may raise an alarm, and so is told that. Its scores do not depend on it, and
    not every reading above the threshold is an anomaly."""
    strategy: str
    """The strategy that merges its models unless another is set."""
    statistics: bool
    """What it shares is statistics, which only a strategy in ``STATISTICS`` merges, and no weights."""
    remembers: tuple[str, ...]
    """The rules that its state depends on, so that it cannot go on under others."""
    space: Space
    """Where its models lie."""
    layouts: Sequence[Layout]
    """The forms of its models so far: one for all devices, or one for every kind of device."""

    def __init__(self, rules: Rules) -> None: ...

    @classmethod
    def misfit(cls, parameters: Parameters) -> str | None:
        """Why these are no parameters of this learner, an update's or a global model's; None if they are."""

    def grow(self, devices: int, channels: int) -> None:
        """Make room for rows up to ``devices`` and values of up to ``channels`` channels."""

    def meet(self, kinds: Sequence[Channels], kind: NDArray[np.int16]) -> None:
        """Know whose channels are called what: those of the device in row r are ``kinds[kind[r]]``, shape (D,).

        Called before the device's first reading, and again whenever it has got channels.
        """

    def observe(
        self,
        rows: NDArray[np.int32],
        values: NDArray[np.float64],
        labels: NDArray[np.int8],
        trainings: Trainings,
        every: NDArray[np.float64] | None = None,
    ) -> tuple[Judgement, Updates]:
        """Judge N readings, each by what came before it, and learn from them.

        Shapes: rows (N,), values (N, C) with NaN for a channel that a reading lacks, labels (N,) 0, 1 or -1. ``every``
        (N,) is for a paced learner: the readings of its device in which each may raise about one alarm; None: the rule.
        """

    def adopt(self, parameters: Parameters, version: int) -> None:
        """Take a global model; trainings that begin from now on start from it. ValueError if it does not fit."""

    def predict(self, judgement: Judgement, parameters: Parameters) -> NDArray[np.float64]:
        """(N,) the probability of an anomaly that a global model gives to judged readings: the auditor's question."""

    def columns(self) -> Columns:
        """The whole state of the devices, as views; what is written into them is the learner's state."""

    def parameters(self, row: int) -> Parameters:
        """A device's own model, as it is now."""


def arrays(parameters: Mapping[str, Sequence[float]]) -> Parameters:
    """A model as it travels in records, lists of numbers by name, as arrays."""
    return {name: np.asarray(numbers, dtype=np.float64) for name, numbers in parameters.items()}


def misfit(parameters: Parameters, layout: Layout) -> str | None:
    """Why named arrays do not fit a layout or are not finite; None if they do and are.

    >>> misfit({"bias": np.array([np.nan])}, {"bias": (1,)})
    "parameter 'bias' is not finite"
    """
    try:
        flatten(parameters, layout)
    except (ValueError, TypeError) as error:
        return str(error)
    return None


def flatten(parameters: Parameters, layout: Layout) -> NDArray[np.float64]:
    """Named arrays as one; ValueError, naming the part, where they do not fit the layout or are not finite.

    >>> flatten({"bias": np.array([3.0]), "weights": np.array([1.0, 2.0])}, {"weights": (2,), "bias": (1,)})
    array([1., 2., 3.])
    """
    if parameters.keys() != layout.keys():
        raise ValueError(f"parameters {sorted(parameters)} are not this model's: {sorted(layout)}")
    parts = []
    for name, shape in layout.items():
        part = np.asarray(parameters[name], dtype=np.float64)
        if part.shape != shape:
            raise ValueError(f"parameter {name!r} has shape {part.shape}, not {shape}")
        if not np.isfinite(part).all():
            raise ValueError(f"parameter {name!r} is not finite")
        parts.append(part.ravel())
    return np.concatenate(parts)


def unflatten(flat: NDArray[np.float64], layout: Layout) -> Parameters:
    """One array as named ones: the inverse of :func:`flatten`."""
    parameters, start = {}, 0
    for name, shape in layout.items():
        stop = start + int(np.prod(shape))
        parameters[name] = flat[start:stop].reshape(shape)
        start = stop
    return parameters
