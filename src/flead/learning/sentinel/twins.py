"""A twin of a signal that suffers faults: what the model learns anomalies from, without a label and without old data.

At a random reading a channel's record is copied, as far as it changes quickly. For a while the copy gets the same
readings with a fault, the signal does not (after NCAD: Carmona et al., "Neural Contextual Anomaly Detection for Time
Series", 2021; outlier exposure: Hendrycks et al., ICLR 2019). The twin is judged in its channel's place: records are
exchanged, judged, and exchanged again. What is known from long experience (tails, season, the predictor's weights) it
borrows and never changes.

Every choice is a function of the device's seed and of how many readings it has made.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.sentinel.chance import bell, uniform
from flead.learning.sentinel.record import (
    AGE,
    BACK,
    BASE,
    CENTRE,
    CHANNEL,
    DISTANCES,
    FIRST_LAG,
    JOINT_HEAT,
    KIND,
    LENGTH,
    LOCKED,
    NEAR,
    READINGS,
    SEED,
    SIZE,
    SIZE_OF_TWIN,
    TAILS,
    TWIN_DISTANCES,
    TWIN_JOINT,
    TWIN_LAGS,
    TWIN_LOCKED,
    TWIN_UNREST,
    TWIN_VIEWS,
    UNREST,
    WAIT,
)
from flead.learning.tail.prediction import ORDER
from flead.learning.tail.season import LONGEST, PAST
from flead.learning.tail.views import ANCHOR, COUNT, FLOOR, LAST, LEVEL, PERIOD, SIZE_OF_VIEWS, SPREAD, STEP

FAULTS = (
    "none", "spike", "shift", "drift", "stuck", "noise", "zero", "lag", "flip", "rhythm", "season", "quiet",
)  # fmt: skip
NONE, SPIKE, SHIFT, DRIFT, STUCK, NOISE, ZERO, LAG, FLIP, RHYTHM, SEASON, QUIET = range(len(FAULTS))

SHORTEST_WAIT, LONGEST_WAIT = 5.0, 40.0
"""Readings from a twin's end to the next one's beginning, at least and at most."""
REPLAYED = 3
"""How much faster than it was the past is replayed."""
STILL = 0.1
"""How much of its swing a quiet signal keeps."""

_F1, _F2, _S3, _S4 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1], types.float32[:, :, ::1]


@njit(types.void(_S3, types.uintp, types.uintp, _F2), cache=True, nogil=True)
def exchange(
    signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, twins: NDArray[np.float64]
) -> None:
    """Exchange what changes quickly of a channel with its twin's, (D, SIZE_OF_TWIN)."""
    for i in range(TWIN_VIEWS):
        signals[row, channel, i], twins[row, i] = twins[row, i], signals[row, channel, i]
    for i in range(ORDER):
        at = FIRST_LAG + i
        signals[row, channel, at], twins[row, TWIN_VIEWS + i] = twins[row, TWIN_VIEWS + i], signals[row, channel, at]
    for i in range(TAILS - SIZE_OF_VIEWS):
        at = SIZE_OF_VIEWS + i
        signals[row, channel, at], twins[row, TWIN_LAGS + i] = twins[row, TWIN_LAGS + i], signals[row, channel, at]


@njit(types.boolean(_S3, types.uintp, types.uintp, _F2), cache=True, nogil=True)
def alike(
    signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, twins: NDArray[np.float64]
) -> bool:
    """Whether a twin is one reading behind its channel, which has the same period: else the channel began anew."""
    same_period = twins[row, PERIOD] == signals[row, channel, PERIOD]
    return bool(same_period and twins[row, COUNT] + 1.0 == signals[row, channel, COUNT])


@njit(types.float64(types.float64, types.float64, types.float64), cache=True, nogil=True, inline="always")
def between(u: float, low: float, high: float) -> float:
    """From low to high, uniform in the logarithm."""
    return low * math.exp(u * math.log(high / low))


@njit(
    types.void(_S3, types.uintp, types.uintp, _F2, _F2, types.int64[::1]), cache=True, nogil=True
)  # fmt: skip
def conceive(
    signals: NDArray[np.float64],
    row: int | np.uintp,
    channel: int | np.uintp,
    devices: NDArray[np.float64],
    twins: NDArray[np.float64],
    faults: NDArray[np.int64],
) -> None:
    """Make a twin of a channel as it is now, and choose its fault among ``faults``."""
    seed, number = devices[row, SEED], devices[row, READINGS]
    for i in range(SIZE_OF_TWIN):
        twins[row, i] = 0.0
    exchange(signals, row, channel, twins)
    for i in range(TWIN_VIEWS):
        signals[row, channel, i] = twins[row, i]
    for i in range(ORDER):
        signals[row, channel, FIRST_LAG + i] = twins[row, TWIN_VIEWS + i]
    for i in range(TAILS - SIZE_OF_VIEWS):
        signals[row, channel, SIZE_OF_VIEWS + i] = twins[row, TWIN_LAGS + i]

    kind = faults[int(uniform(seed, number, 0) * len(faults))]
    span = uniform(seed, number, 1)
    if kind == SPIKE:
        length = 1.0 + math.floor(3.0 * span)
    elif kind == DRIFT:
        length = between(span, 40.0, 400.0)
    elif kind == SHIFT:
        length = between(span, 10.0, 400.0)
    elif kind in (STUCK, LAG, QUIET):
        length = between(span, 30.0, 200.0)
    elif kind == RHYTHM:
        length = between(span, 30.0, 150.0)
    else:
        length = between(span, 10.0, 200.0)

    step = 0.7071 * math.sqrt(signals[row, channel, STEP]) + FLOOR * max(1.0, abs(signals[row, channel, LEVEL]))
    spread = math.sqrt(signals[row, channel, SPREAD])
    least = 1.2 if kind in (SHIFT, DRIFT) else 3.0
    u = uniform(seed, number, 2)
    if uniform(seed, number, 3) < 0.6:
        size = step * between(u, least, 20.0)
    else:
        size = max(spread * between(u, 0.7, 4.0), least * step)
    if kind == SPIKE:
        size *= 1.5
    if kind != NOISE and uniform(seed, number, 4) < 0.5:
        size = -size

    devices[row, KIND], devices[row, CHANNEL], devices[row, AGE] = kind, channel, 0.0
    devices[row, LENGTH], devices[row, SIZE] = math.floor(length), size
    devices[row, BASE], devices[row, CENTRE] = signals[row, channel, LAST], signals[row, channel, NEAR]
    devices[row, BACK] = 10.0 + math.floor(190.0 * uniform(seed, number, 5))
    devices[row, TWIN_JOINT], devices[row, TWIN_DISTANCES] = devices[row, JOINT_HEAT], devices[row, DISTANCES]
    devices[row, TWIN_UNREST], devices[row, TWIN_LOCKED] = devices[row, UNREST], devices[row, LOCKED]


@njit(types.void(_F2, types.uintp), cache=True, nogil=True)
def bury(devices: NDArray[np.float64], row: int | np.uintp) -> None:
    """End a twin, and choose when the next begins."""
    devices[row, KIND] = 0.0
    u = uniform(devices[row, SEED], devices[row, READINGS], 6)
    devices[row, WAIT] = devices[row, READINGS] + math.floor(SHORTEST_WAIT + (LONGEST_WAIT - SHORTEST_WAIT) * u)


@njit(types.float64(_S4, types.uintp, types.uintp, types.float64, types.float64), cache=True, nogil=True)
def earlier(
    seasons: NDArray[np.float32], row: int | np.uintp, channel: int | np.uintp, number: float, anchor: float
) -> float:
    """What the season remembers of reading ``number``."""
    return anchor + float(seasons[row, channel, PAST + int(max(number, 0.0)) % LONGEST])


@njit(
    types.float64(_S3, _S4, types.uintp, types.uintp, _F2, types.float64), cache=True, nogil=True
)  # fmt: skip
def suffer(
    signals: NDArray[np.float64],
    seasons: NDArray[np.float32],
    row: int | np.uintp,
    channel: int | np.uintp,
    devices: NDArray[np.float64],
    value: float,
) -> float:
    """What the twin reads where its channel, in whose place it is, read ``value``."""
    kind, age, length = int(devices[row, KIND]), devices[row, AGE], devices[row, LENGTH]
    size, centre, number = devices[row, SIZE], devices[row, CENTRE], signals[row, channel, COUNT]
    anchor = signals[row, channel, ANCHOR]
    if kind in (SPIKE, SHIFT):
        return float(value + size)
    if kind == DRIFT:
        return float(value + size * (age + 1.0) / length)
    if kind == STUCK:
        return float(devices[row, BASE])
    if kind == NOISE:
        return float(value + 0.7 * abs(size) * bell(devices[row, SEED], devices[row, READINGS]))
    if kind == ZERO:
        return 0.0
    if kind == LAG:
        return float(earlier(seasons, row, channel, number - devices[row, BACK], anchor))
    if kind == FLIP:
        return float(2.0 * centre - value)
    if kind == RHYTHM:
        return float(earlier(seasons, row, channel, number - age - length + REPLAYED * age % length, anchor))
    if kind == SEASON:
        return float(0.5 * (value + centre) + 0.25 * size)
    return float(centre + STILL * (value - centre))
