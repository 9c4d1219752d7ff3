"""What a device runs: the contract of all learners."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from flead.learning.arrays import Columns
from flead.learning.rules import Rules

Parameters = dict[str, NDArray[np.float64]]
"""A model as named arrays: what travels between devices and server."""


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

    ``mean`` and ``std`` are of every channel's window without the reading, NaN where the reading lacks the
    channel. A reading is judged by the channel that deviates most, ``channel``: z = (value - mean) / std there;
    z = 0 until scoring starts.
    """

    score: NDArray[np.float64]  # (N,) what is compared with the learner's threshold
    anomalous: NDArray[np.bool_]  # (N,)
    channel: NDArray[np.int16]  # (N,)
    z: NDArray[np.float64]  # (N,)
    mean: NDArray[np.float64]  # (N, C)
    std: NDArray[np.float64]  # (N, C)

    def part(self, positions: NDArray[np.intp] | slice) -> "Judgement":
        """What is said of some of the readings."""
        return Judgement(
            self.score[positions], self.anomalous[positions], self.channel[positions],
            self.z[positions], self.mean[positions], self.std[positions],
        )  # fmt: skip


class Updates(NamedTuple):
    """What K trainings came to. ``accuracy`` and ``loss`` are of a training's readings before they were learnt."""

    accuracy: NDArray[np.float64]  # (K,)
    loss: NDArray[np.float64]  # (K,) mean binary cross-entropy
    parameters: NDArray[np.float64]  # (K, P) flat; Learner.layout names the parts
    global_versions: NDArray[np.int32]  # (K,) the global model that the training started from; 0 is none


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
    """The score above which an anomaly is critical."""
    layout: dict[str, tuple[int, ...]]
    """The shapes of the parameters by name, in the order in which they lie in ``Updates.parameters``."""

    def __init__(self, rules: Rules) -> None: ...

    def grow(self, devices: int, channels: int) -> None:
        """Make room for rows up to ``devices`` and values of up to ``channels`` channels."""

    def observe(
        self, rows: NDArray[np.int32], values: NDArray[np.float64], labels: NDArray[np.int8], trainings: Trainings
    ) -> tuple[Judgement, Updates]:
        """Judge N readings, each by what came before it, and learn from them.

        Shapes: rows (N,), values (N, C) with NaN for a channel that a reading lacks, labels (N,) 0, 1 or -1.
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


def flatten(parameters: Parameters, layout: dict[str, tuple[int, ...]]) -> NDArray[np.float64]:
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


def unflatten(flat: NDArray[np.float64], layout: dict[str, tuple[int, ...]]) -> Parameters:
    """One array as named ones: the inverse of :func:`flatten`."""
    parameters, start = {}, 0
    for name, shape in layout.items():
        stop = start + int(np.prod(shape))
        parameters[name] = flat[start:stop].reshape(shape)
        start = stop
    return parameters
