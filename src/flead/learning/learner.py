"""What a device runs: the contract of all learners."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from flead.learning.arrays import Columns
from flead.learning.rules import Rules

Parameters = dict[str, NDArray[np.float64]]
"""A model as named arrays: what travels between devices and server."""

Layout = dict[str, tuple[int, ...]]
"""The shapes of a model's arrays by name, in the order in which they lie in a flat one."""

Channels = tuple[str, ...]
"""The names of a device's channels, in the order of its values."""


class Trainings(NamedTuple):
    """K trainings that end within a batch, in the order in which they end.

    Training k belongs to device ``rows[k]`` and ends just before reading ``positions[k]`` of the batch (N:
    after its last). It is made of the ``samples[k]`` readings of the device since its last training.
    """

    positions: NDArray[np.int64]  # (K,) rising
    rows: NDArray[np.int32]  # (K,)
    samples: NDArray[np.int32]  # (K,)
    times: NDArray[np.int64]  # (K,) event time of the end, in milliseconds since the epoch


class Judgement(NamedTuple):
    """What a learner says of N readings of up to C channels.

    ``mean`` and ``std`` are of what every channel is judged by without the reading (a window, a reference), NaN where
    the reading lacks the channel. ``channel`` is the one that deviates most, and z by how many std it does; z = 0
    until scoring starts.
    """

    score: NDArray[np.float64]  # (N,) what is compared with the learner's threshold
    anomalous: NDArray[np.bool_]  # (N,)
    channel: NDArray[np.int16]  # (N,)
    z: NDArray[np.float64]  # (N,)
    mean: NDArray[np.float64]  # (N, C)
    std: NDArray[np.float64]  # (N, C)
    contributions: NDArray[np.float64] | None = None
    """(N, C) every channel's share in the score of an anomalous reading, 0 or more, together 1; 0 in other readings.
    None from a learner that judges by one channel."""
    thresholds: NDArray[np.float64] | None = None
    """(N,) what each score was compared with, from a paced learner; None: with the learner's own threshold."""
    features: NDArray[np.float32] | None = None
    """(N, F) what a learner's shared model is asked by, where mean, std and z are not."""

    def part(self, positions: NDArray[np.intp] | slice) -> "Judgement":
        """What is said of some of the readings."""
        return Judgement(
            self.score[positions], self.anomalous[positions], self.channel[positions],
            self.z[positions], self.mean[positions], self.std[positions],
            None if self.contributions is None else self.contributions[positions],
            None if self.thresholds is None else self.thresholds[positions],
            None if self.features is None else self.features[positions],
        )  # fmt: skip


class Updates(NamedTuple):
    """What K trainings came to. ``accuracy`` and ``loss`` are of a training's readings before they were learnt.

    ``parameters[k]`` is flat, laid out as ``Learner.layouts[layouts[k]]`` says; what is left over behind it is 0.
    """

    accuracy: NDArray[np.float64]  # (K,) from 0 to 1; the learner says of what
    loss: NDArray[np.float64]  # (K,) the learner's own, 0 or more
    parameters: NDArray[np.float64]  # (K, P)
    layouts: NDArray[np.int32]  # (K,)
    global_versions: NDArray[np.int32]  # (K,) the global model that the training started from; 0 is none


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
    lasting: bool
    """An anomaly goes on while its event lasts: of its readings only the first is sure to be above the threshold."""
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
