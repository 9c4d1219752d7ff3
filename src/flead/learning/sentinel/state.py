"""What the sentinel's kernels work on: records of arrays, and their types."""

from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray


class State(NamedTuple):
    """The records of D devices of up to C channels, of which G are looked at together."""

    signals: NDArray[np.float64]  # (D, C, SIZE_OF_SIGNAL)
    seasons: NDArray[np.float32]  # (D, C, SIZE_OF_SEASON)
    devices: NDArray[np.float64]  # (D, SIZE_OF_DEVICE)
    calibrations: NDArray[np.float64]  # (D, CALIBRATIONS, SIZE_OF_TAIL)
    models: NDArray[np.float64]  # (D, 2 SIZE_OF_MODEL), each device's own and what its training began with
    twins: NDArray[np.float64]  # (D, SIZE_OF_TWIN)
    covariances: NDArray[np.float64]  # (D, C, 2, G)
    precisions: NDArray[np.float64]  # (D, C, 2, G)


class Stream(NamedTuple):
    """N readings, K trainings that end among them, and what every reading's alarm is measured by."""

    rows: NDArray[np.int32]  # (N,)
    values: NDArray[np.float64]  # (N, C)
    positions: NDArray[np.int64]  # (K,)
    trained: NDArray[np.int32]  # (K,)
    thresholds: NDArray[np.float64]  # (N,)
    quiet: NDArray[np.float64]  # (N,) readings without evidence that end an event
    relief: NDArray[np.float64]  # (N,) how much caution wears off with a reading


class Teaching(NamedTuple):
    """What models start from and how they learn."""

    model: NDArray[np.float64]  # (SIZE_OF_MODEL,) the newest global model, or the one that is shipped
    version: int
    mix: float
    proximal: float
    warm_up: int
    faults: NDArray[np.int64]  # the kinds that twins suffer
    usual: NDArray[np.float64]  # (4, 2) what each voice usually says: see ``rareness``
    taught: float  # readings that the shared model was taught by before it was shipped


class Scratch(NamedTuple):
    """Room for one reading."""

    looks: NDArray[np.float64]  # (C, K)
    rarities: NDArray[np.float64]  # (K,)
    states: NDArray[np.float64]  # (STATES, C) z, errors of the predictions, and which channels there are
    weighed: NDArray[np.float64]  # (2, C) P z and P w
    inputs: NDArray[np.float64]  # (2 K,)
    own: NDArray[np.float64]  # (2 K,) the inputs of the channel that has a twin
    twin: NDArray[np.float64]  # (K,) the twin's views


class Said(NamedTuple):
    """What is said of N readings, and of K trainings."""

    score: NDArray[np.float64]
    anomalous: NDArray[np.bool_]
    channel: NDArray[np.int16]
    z: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    features: NDArray[np.float32]  # (N, 2 K + 1)
    accuracy: NDArray[np.float64]
    loss: NDArray[np.float64]
    parameters: NDArray[np.float64]
    origin: NDArray[np.int32]


_F1, _F2, _F3, _S4 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1], types.float32[:, :, ::1]
_G4 = types.Array(types.float64, 4, "C")
STATE = types.NamedTuple((_F3, _S4, _F2, _F3, _F2, _F2, _G4, _G4), State)
STREAM = types.NamedTuple((types.int32[::1], _F2, types.int64[::1], types.int32[::1], _F1, _F1, _F1), Stream)
TEACHING = types.NamedTuple(
    (_F1, types.int64, types.float64, types.float64, types.int64, types.int64[::1], _F2, types.float64), Teaching
)
SCRATCH = types.NamedTuple((_F2, _F1, _F2, _F2, _F1, _F1, _F1), Scratch)
SAID = types.NamedTuple(
    (_F1, types.boolean[::1], types.int16[::1], _F1, _F2, _F2, types.float32[:, ::1], _F1, _F1, _F2, types.int32[::1]),
    Said,
)
