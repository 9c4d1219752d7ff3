"""What the channels of a device say of each other.

Channels are taken in groups of ``GROUP``, in the order of the device's values, so that the cost a channel is bounded.
With z of a group's channels, their covariance C and its shrunk inverse P (Stein-type shrinkage; Ledoit, Wolf, Journal
of Multivariate Analysis 88, 2004), P z / sqrt(diag P) is what of each channel the others do not explain, in its own
standard deviations (the conditional distribution of a Gaussian), and z' P z the squared distance (Mahalanobis). The
same with the errors of the predictions, whose distance is the energy of what nobody foretold.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.drift.cholesky import decompose, solve
from flead.learning.sentinel.record import (
    READINGS,
    RELATED,
    RELATED_MEAN,
    RELATED_MEAN_SQUARE,
    RELATION,
    RELATION_MEAN,
)
from flead.learning.sentinel.reference import weight_of

GROUP = 16
"""Channels that are looked at together."""
RENEW = 32
"""Readings between two inversions."""
SETTLED = 40.0
"""Readings before relations say anything."""
SHRUNK = 0.95
RIDGE = 0.01
UNSURE = 5.0
"""Of n readings a covariance is about this share / n unsure."""
PLACES, ERRORS, PRESENT, STATES = range(4)
"""The two kinds of numbers that covariances are of: z, and errors of predictions; and whether a reading has the channel
(1 or 0; the two are 0 where it has not, as if all were as expected)."""
LARGEST = 20.0
PACE = 1.0 / 16.0

_F1, _F2, _S3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_S5 = types.Array(types.float64, 4, "C")


@njit(types.void(_S5, _S5, types.uintp, types.float64), cache=True, nogil=True, error_model="numpy")
def invert(covariances: NDArray[np.float64], precisions: NDArray[np.float64], row: int | np.uintp, seen: float) -> None:
    """Make the precisions of a device that has ``seen`` so many readings from its covariances: (D, C, 2, G) both."""
    channels = covariances.shape[1]
    for first in range(0, channels, GROUP):
        count = min(GROUP, channels - first)
        for kind in range(2):
            matrix, inverse, trace, known = np.zeros((count, count)), np.zeros((count, count)), 0.0, 0
            for a in range(count):
                trace += covariances[row, first + a, kind, a]
                known += covariances[row, first + a, kind, a] > 0.0
            trace /= max(known, 1)
            for a in range(count):
                for b in range(count):
                    matrix[a, b] = SHRUNK * covariances[row, first + a, kind, b]
                ridge = RIDGE * trace + RIDGE + UNSURE * trace / (seen + 1.0)
                matrix[a, a] = covariances[row, first + a, kind, a] + ridge
                inverse[a, a] = 1.0
            if not decompose(matrix):
                continue
            solve(matrix, inverse)
            for a in range(count):
                for b in range(count):
                    precisions[row, first + a, kind, b] = inverse[a, b]


@njit(
    types.void(_S5, types.uintp, _F2, types.float64, types.float64), cache=True, nogil=True, error_model="numpy"
)  # fmt: skip
def learn_relations(
    covariances: NDArray[np.float64], row: int | np.uintp, states: NDArray[np.float64], seen: float, gate: float
) -> None:
    """Take the z and errors of a reading, ``states`` (STATES, C), into the covariances."""
    weight = weight_of(seen, gate if seen > SETTLED else 1.0)
    for j in range(states.shape[1]):
        first = j // GROUP * GROUP
        count = min(GROUP, states.shape[1] - first)
        for kind in range(2):
            own = states[kind, j]
            for b in range(count):
                now, share = covariances[row, j, kind, b], weight * states[PRESENT, first + b] * states[PRESENT, j]
                covariances[row, j, kind, b] = now + share * (own * states[kind, first + b] - now)


@njit(
    types.void(_S5, types.uintp, _F2, _F2), cache=True, nogil=True, error_model="numpy"
)  # fmt: skip
def weigh_relations(
    precisions: NDArray[np.float64], row: int | np.uintp, states: NDArray[np.float64], weighed: NDArray[np.float64]
) -> None:
    """Write P z and P w, (2, C), for ``states`` z and w, (STATES, C)."""
    for j in range(states.shape[1]):
        first = j // GROUP * GROUP
        count = min(GROUP, states.shape[1] - first)
        for kind in range(2):
            total = 0.0
            for b in range(count):
                total += precisions[row, j, kind, b] * states[kind, first + b]
            weighed[kind, j] = total


@njit(
    types.void(_S3, types.uintp, types.uintp, *[types.float64] * 4, _F1), cache=True, nogil=True, error_model="numpy"
)  # fmt: skip
def relate(
    signals: NDArray[np.float64],
    row: int | np.uintp,
    channel: int | np.uintp,
    weighed: float,
    precision: float,
    seen: float,
    gate: float,
    looks: NDArray[np.float64],
) -> None:
    """Write the views of what the others do not explain of a channel, from (P z)_j and P_jj, and learn it."""
    if seen <= SETTLED or precision <= 0.0:
        return
    weight = weight_of(seen - SETTLED, gate if seen > 2.0 * SETTLED else 1.0)
    alone = min(max(weighed / math.sqrt(precision), -LARGEST), LARGEST)
    usual = signals[row, channel, RELATED]
    looks[RELATION] = abs(alone) / math.sqrt(usual + 0.1)
    signals[row, channel, RELATED] = usual + weight * (min(alone * alone, 16.0 * (usual + 0.3)) - usual)
    mean = signals[row, channel, RELATED_MEAN] + PACE * (alone - signals[row, channel, RELATED_MEAN])
    signals[row, channel, RELATED_MEAN] = mean
    usual = signals[row, channel, RELATED_MEAN_SQUARE]
    looks[RELATION_MEAN] = abs(mean) / math.sqrt(usual + 0.005)
    signals[row, channel, RELATED_MEAN_SQUARE] = usual + weight * (min(mean * mean, 9.0 * (usual + 0.02)) - usual)


@njit(types.float64(_F2, types.uintp, types.intp, types.intp, types.float64, types.float64), cache=True, nogil=True)
def swell(
    devices: NDArray[np.float64], row: int | np.uintp, at: int, mean_at: int, square: float, gate: float
) -> float:
    """Take a squared distance into the moving mean at ``at``: how far its logarithm is above its mean, at ``mean_at``.

    A ``gate`` below 0 leaves the mean as it is.
    """
    devices[row, at] += PACE * (square - devices[row, at])
    logarithm = math.log(max(devices[row, at], 0.0) + 1e-3)
    mean, seen = devices[row, mean_at], devices[row, READINGS] - SETTLED
    if gate >= 0.0:
        devices[row, mean_at] = mean + weight_of(seen, gate if seen > SETTLED else 1.0) * (logarithm - mean)
    return float(max(logarithm - mean, 0.0))
