"""The drift learner's readings: judged, kept as training rows while there are too few, and when to fit."""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.drift.judge import (
    ANCHOR,
    ENERGY,
    LEVEL,
    MEAN,
    PER_SPREAD,
    REFERENCE,
    SCALE,
    SPREAD,
    STILL,
    Z,
    follow,
    judge,
)

(
    ROWS,
    FITTED,
    LOOKED,
    LOOKED_VERSION,
    PEERS,
    THRESHOLD,
    SIZE,
    ORIGIN,
    BEGUN,
    ENERGIES,
    JUDGED,
    FORETOLD,
    COUNTED,
    ENDURED,
) = range(14)
"""The numbers of a device: its training rows, and how many of them it has fitted to (0: not yet); how many it had, and
the newest global model, when it was last looked at whether to fit; the peers it then had, its threshold, and the
channels in its autoregression. Of the training that is under way: the global model that it began with, its readings,
the energies of the ``JUDGED`` among them, and the values that were foretold among those ``COUNTED``. How many more
readings were alarms than were none, of late."""
NUMBERS = 14

ALONE = 100
"""Rows that a device without peers needs to judge: half of them say what is normal, half where the threshold lies."""

GROWTH = 1.1
"""A training fits again when there are so many times the rows: fifty fits would learn little more than five."""

ENDLESS, LASTING = 2, 1000
"""An alarm that has lasted so many times the training rows, and so many readings, is a new normal. The readings that
are none count against it, so that it need not be without a break."""

FLOOR = 1e-6
LARGEST = 3e38
"""Rows are kept in 32 bits."""

_I1, _I4, _I8 = types.int16[::1], types.int32[::1], types.int64[::1]
_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_S3 = types.float32[:, :, ::1]


@njit(types.boolean(types.int64, types.int64, types.int64), cache=True, nogil=True, error_model="numpy")
def grown_enough(count: int, fitted: int, complete: int) -> bool:
    """Whether ``count`` training rows tell enough more than the ``fitted`` ones."""
    return count > fitted and (count >= GROWTH * fitted or count == complete)


@njit(types.boolean(*[types.float64] * 5), cache=True, nogil=True, error_model="numpy")
def moved(peers: float, threshold: float, peers_now: float, threshold_now: float, tolerance: float) -> bool:
    """Whether what peers know differs much from what they did: twice as many of them, or another threshold."""
    more = peers_now > peers and peers_now >= 2.0 * peers
    return more or (peers_now > 0.0 and abs(threshold_now - threshold) > tolerance * threshold)


@njit(_F2(_S3, _F3, types.intp, types.intp), cache=True, nogil=True)
def training_values(
    rows: NDArray[np.float32], channels: NDArray[np.float64], row: int, count: int
) -> NDArray[np.float64]:
    """(count, C) the training rows of one device, as they were read; anything in channels that it has not shown."""
    values = np.empty((count, rows.shape[2]))
    for t in range(count):
        for j in range(rows.shape[2]):
            values[t, j] = channels[row, j, ANCHOR] + rows[row, t, j]
    return values


@njit(types.void(types.uintp, _F2, types.int64[:, ::1], _F2, _I4), cache=True, nogil=True, error_model="numpy")
def begin_anew(
    row: int | np.uintp,
    devices: NDArray[np.float64],
    seen: NDArray[np.int64],
    own: NDArray[np.float64],
    layout: NDArray[np.int32],
) -> None:
    """Forget a device's training rows and what they told."""
    devices[row, ROWS] = devices[row, FITTED] = devices[row, LOOKED] = devices[row, ENDURED] = 0.0
    seen[row, 0] = seen[row, 1] = 0
    layout[row] = -1
    for p in range(own.shape[1]):
        own[row, p] = 0.0


@njit(
    types.void(types.uintp, types.intp, _F2, _S3, _F3, _F2, types.int64[:, ::1], _F2, _I4),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def keep(
    row: int | np.uintp,
    i: int,
    values: NDArray[np.float64],
    rows: NDArray[np.float32],
    channels: NDArray[np.float64],
    devices: NDArray[np.float64],
    seen: NDArray[np.int64],
    own: NDArray[np.float64],
    layout: NDArray[np.int32],
) -> None:
    """Keep a reading as a training row; a device that has them all has shown a new channel, and begins anew."""
    width = values.shape[1]
    if int(devices[row, ROWS]) == rows.shape[1]:
        begin_anew(row, devices, seen, own, layout)
    at = int(devices[row, ROWS])
    for j in range(rows.shape[2]):
        known = (seen[row, 0] >> j) & 1
        if j >= width or math.isnan(values[i, j]):
            if known:
                rows[row, at, j] = np.nan
            continue
        if not known:
            seen[row, 0] |= np.int64(1) << j
            channels[row, j, ANCHOR] = values[i, j]
            for t in range(at):
                rows[row, t, j] = np.nan
        difference = values[i, j] - channels[row, j, ANCHOR]
        rows[row, at, j] = np.float32(min(max(difference, -LARGEST), LARGEST))
    devices[row, ROWS] = at + 1.0


@njit(types.void(types.uintp, types.intp, _F3, _F2, _F2), cache=True, nogil=True, error_model="numpy")
def explain(
    row: int | np.uintp,
    i: int,
    channels: NDArray[np.float64],
    scratch: NDArray[np.float64],
    out_contributions: NDArray[np.float64],
) -> None:
    """Write what every channel contributed to an alarm: half by how far it is off, half by its part of the energy."""
    deviations, energies = 0.0, 0.0
    for j in range(out_contributions.shape[1]):
        if not math.isnan(scratch[Z, j]):
            deviations += abs(channels[row, j, LEVEL] - channels[row, j, REFERENCE]) * channels[row, j, PER_SPREAD]
            energies += max(channels[row, j, ENERGY], 0.0)
    for j in range(out_contributions.shape[1]):
        if not math.isnan(scratch[Z, j]):
            off = abs(channels[row, j, LEVEL] - channels[row, j, REFERENCE]) * channels[row, j, PER_SPREAD]
            part = max(channels[row, j, ENERGY], 0.0)
            out_contributions[i, j] = 0.5 * off / deviations + 0.5 * part / energies


@njit(
    types.UniTuple(types.int64, 3)(
        types.int64, types.int64, _I4, _F2, _I8, _I4,  # readings and trainings
        _S3, _F3, _F2, _F3, _F3, _F2, _F2, types.int64[:, ::1], _I4,  # devices
        _F2, types.int64, types.int64, types.float64, _F2,  # peers and rules
        _I1, _F1, _F1, _F2, _F2, _F2,  # judgement
        _F1, _F1, _F2, _I4, _I4,  # updates
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)  # fmt: skip
def observe(
    position: int,
    training: int,
    readers: NDArray[np.int32],
    values: NDArray[np.float64],
    positions: NDArray[np.int64],
    trained: NDArray[np.int32],
    rows: NDArray[np.float32],
    channels: NDArray[np.float64],
    last: NDArray[np.float64],
    weights: NDArray[np.float64],
    precision: NDArray[np.float64],
    own: NDArray[np.float64],
    devices: NDArray[np.float64],
    seen: NDArray[np.int64],
    layout: NDArray[np.int32],
    standing: NDArray[np.float64],
    global_version: int,
    min_readings: int,
    tolerance: float,
    scratch: NDArray[np.float64],
    out_channel: NDArray[np.int16],
    out_score: NDArray[np.float64],
    out_z: NDArray[np.float64],
    out_mean: NDArray[np.float64],
    out_std: NDArray[np.float64],
    out_contributions: NDArray[np.float64],
    out_accuracy: NDArray[np.float64],
    out_loss: NDArray[np.float64],
    out_parameters: NDArray[np.float64],
    out_layout: NDArray[np.int32],
    out_origin: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Judge readings from ``position`` on, ending trainings from ``training`` on, until a device has to be looked at.

    Returns where to go on, and the row of that device; -1 when all is done. Whoever looks writes down that it did, so
    that going on does not ask again.
    """
    complete = rows.shape[1]
    alone = min(ALONE, complete)
    i, ending = position, training
    while True:
        while ending < len(positions) and positions[ending] == i:
            row = np.uintp(trained[ending])
            count, fitted = int(devices[row, ROWS]), int(devices[row, FITTED])
            if layout[row] < 0 or (
                devices[row, LOOKED] != count and (fitted == 0 or grown_enough(count, fitted, complete))
            ):
                return i, ending, int(trained[ending])
            out_accuracy[ending] = devices[row, FORETOLD] / devices[row, COUNTED] if devices[row, COUNTED] > 0 else 0.0
            out_loss[ending] = devices[row, ENERGIES] / devices[row, JUDGED] if devices[row, JUDGED] > 0 else 1.0
            for p in range(own.shape[1]):
                out_parameters[ending, p] = own[row, p]
            out_layout[ending] = layout[row]
            out_origin[ending] = np.int32(devices[row, ORIGIN])
            devices[row, BEGUN] = 0.0
            ending += 1
        if i == len(readers):
            return i, ending, -1
        row = np.uintp(readers[i])

        place = layout[row]
        if place < 0:
            return i, ending, int(readers[i])
        if devices[row, BEGUN] == 0.0:
            news = devices[row, FITTED] == 0.0 or moved(
                devices[row, PEERS], devices[row, THRESHOLD], standing[place, 0], standing[place, 1], tolerance
            )
            if news and devices[row, LOOKED_VERSION] != global_version and devices[row, ROWS] >= min_readings:
                return i, ending, int(readers[i])
            devices[row, ORIGIN] = global_version
            devices[row, ENERGIES] = devices[row, JUDGED] = devices[row, FORETOLD] = devices[row, COUNTED] = 0.0
        devices[row, BEGUN] += 1.0

        channel, deviation, score = -1, 0.0, 0.0
        if devices[row, FITTED] > 0.0:
            size = int(devices[row, SIZE])
            channel, deviation, score, energy, foretold, counted = judge(
                row, size, i, values, channels, last, weights, precision, scratch
            )
            devices[row, FORETOLD] += foretold
            devices[row, COUNTED] += counted
            if counted > 0:
                devices[row, ENERGIES] += energy
                devices[row, JUDGED] += 1.0
            score /= devices[row, THRESHOLD]
        if score > 1.0:
            explain(row, i, channels, scratch, out_contributions)
        first, fresh, rate = -1, int(devices[row, ROWS]) < complete, STILL if score <= 1.0 else 0.0
        for j in range(values.shape[1]):
            value = values[i, j]
            if math.isnan(value):
                out_mean[i, j] = out_std[i, j] = np.nan
                continue
            if first < 0:
                first = j
            fresh |= (seen[row, 0] >> j) & 1 == 0
            if devices[row, FITTED] > 0.0 and channels[row, j, SCALE] > 0.0:
                out_mean[i, j] = channels[row, j, MEAN] + channels[row, j, REFERENCE] * channels[row, j, SCALE]
                out_std[i, j] = channels[row, j, SPREAD] * channels[row, j, SCALE]
                follow(row, j, channels, scratch[Z, j], rate)
            else:
                out_mean[i, j] = value
                out_std[i, j] = FLOOR * max(1.0, abs(value))
        out_channel[i] = channel if channel >= 0 else first
        out_z[i] = deviation
        out_score[i] = score

        devices[row, ENDURED] = max(devices[row, ENDURED] + (1.0 if score > 1.0 else -1.0), 0.0)
        if devices[row, ENDURED] >= max(ENDLESS * complete, LASTING):
            begin_anew(row, devices, seen, own, layout)
            fresh = True
        if fresh:
            keep(row, i, values, rows, channels, devices, seen, own, layout)
        i += 1
        count, fitted = int(devices[row, ROWS]), int(devices[row, FITTED])
        if fitted < count and count != devices[row, LOOKED]:
            start = fitted == 0 and (count == alone or (count == min_readings and global_version > 0))
            if start or count == complete:
                return i, ending, int(readers[i - 1])
