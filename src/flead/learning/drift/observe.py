"""The drift learner's pass over readings: judge them, keep the first as training rows, and stop when a fit is due."""

import math
from typing import Annotated, NamedTuple

import numpy as np

from flead.learning.drift.judge import (
    ANCHOR,
    ENERGY,
    LEVEL,
    MEAN,
    PER_SPREAD,
    REFERENCE,
    ROOM,
    SCALE,
    SPREAD,
    STILL,
    Model,
    Z,
    follow,
    judge,
    padded,
)
from flead.learning.kernels import (
    Float32x3,
    Float64x1,
    Float64x2,
    Float64x3,
    Index,
    Int32x1,
    Int64x2,
    kernel,
    record,
)
from flead.learning.learner import Judgement, Readings, Trainings, Updates, end_of

# The columns of State.devices.
ROWS = 0  # training rows that the device has
FITTED = 1  # how many of them it has fitted to; 0: it has not yet
LOOKED = 2  # how many it had when it was last considered whether to fit
LOOKED_VERSION = 3  # the newest global model at that time
PEERS = 4  # how many peers it had when it fitted
THRESHOLD = 5  # the threshold of its scores
SIZE = 6  # how many channels are in its autoregression
ORIGIN = 7  # the global model that the current training began with
BEGUN = 8  # readings of the current training; 0: the next one begins it
ENERGIES = 9  # the sum of the energies of the training's readings ...
JUDGED = 10  # ... and how many readings are in that sum
FORETOLD = 11  # how many of the training's values were predicted right ...
COUNTED = 12  # ... out of how many that were predicted
ENDURED = 13  # how many more of the latest readings were alarms than were not; never below 0
NUMBERS = 14

# The columns of State.seen: channels as the bits of a mask.
SHOWN = 0  # those that the device has shown in its training rows
MODELLED = 1  # those that its model is fitted to
MASKS = 2


class State(NamedTuple):
    """The state of D devices of up to C channels, with R training rows each."""

    rows: Float32x3  # (D, R, C) training rows, relative to the channels' ANCHOR; NaN where a channel was missing
    model: Model
    own: Float64x2  # (D, S) their own statistics, flat as their layouts say
    devices: Float64x2  # (D, NUMBERS) the columns above
    seen: Int64x2  # (D, MASKS) the masks above
    layout: Int32x1  # (D,) the layout of their statistics; -1: not looked up yet. Not stored: it follows from the rest


class Standing(NamedTuple):
    """What a device compares its own fit with, to tell whether there is news."""

    peers: Float64x1  # (L,) the number of peers, for each layout
    thresholds: Float64x1  # (L,) their threshold
    global_version: int
    min_readings: int
    tolerance: float  # relative change of the peers' threshold that is news


ALONE = 100
"""Rows that a device without peers needs before it judges: half say what is normal, half where the threshold lies."""

GROWTH = 1.1
"""A training fits again when the rows have grown by this factor: fifty fits would learn little more than five."""

ENDLESS, LASTING = 2, 1000
"""An alarm that has lasted ENDLESS times the training rows and LASTING readings is a new normal. Readings that are not
alarms are subtracted, so that it may have breaks."""

FLOOR = 1e-6
"""Standard deviation that is reported of an unknown channel, relative to max(1, |value|)."""

LARGEST = 3e38
"""Training rows are kept in 32 bits, within this magnitude."""


@kernel(error_model="numpy")
def grown_enough(count: int, fitted: int, complete: int) -> bool:
    """Whether ``count`` training rows tell enough that the ``fitted`` ones did not; ``complete`` are all."""
    return count > fitted and (count >= GROWTH * fitted or count == complete)


@kernel(error_model="numpy")
def moved(peers: float, threshold: float, peers_now: float, threshold_now: float, tolerance: float) -> bool:
    """Whether peers know much more than when the device fitted: there are twice as many, or their threshold moved."""
    more = peers_now > peers and peers_now >= 2.0 * peers
    return more or (peers_now > 0.0 and abs(threshold_now - threshold) > tolerance * threshold)


@kernel
def training_values(rows: Float32x3, channels: Float64x3, row: int, count: int) -> Float64x2:
    """(count, C) the training rows of one device as they were read; arbitrary in channels that it has not shown."""
    values = np.empty((count, rows.shape[2]))
    for t in range(count):
        for j in range(rows.shape[2]):
            values[t, j] = channels[row, j, ANCHOR] + rows[row, t, j]
    return values


@kernel(error_model="numpy")
def begin_anew(row: Index, state: State) -> None:
    """Forget a device's training rows and everything learnt from them."""
    devices, own = state.devices, state.own
    devices[row, ROWS] = devices[row, FITTED] = devices[row, LOOKED] = devices[row, ENDURED] = 0.0
    state.seen[row, SHOWN] = state.seen[row, MODELLED] = 0
    state.layout[row] = -1
    for p in range(own.shape[1]):
        own[row, p] = 0.0


@kernel(error_model="numpy")
def keep(row: Index, i: int, values: Float64x2, state: State) -> None:
    """Keep reading i as a training row. A device whose rows are complete has shown a new channel, and begins anew."""
    rows, channels, devices, seen = state.rows, state.model.channels, state.devices, state.seen
    width = values.shape[1]
    if int(devices[row, ROWS]) == rows.shape[1]:
        begin_anew(row, state)
    at = int(devices[row, ROWS])
    for j in range(rows.shape[2]):
        known = (seen[row, SHOWN] >> j) & 1
        if j >= width or math.isnan(values[i, j]):
            if known:
                rows[row, at, j] = np.nan
            continue
        if not known:
            seen[row, SHOWN] |= np.int64(1) << j
            channels[row, j, ANCHOR] = values[i, j]
            for t in range(at):
                rows[row, t, j] = np.nan
        difference = values[i, j] - channels[row, j, ANCHOR]
        rows[row, at, j] = np.float32(min(max(difference, -LARGEST), LARGEST))
    devices[row, ROWS] = at + 1.0


@kernel(error_model="numpy")
def explain(row: Index, i: int, channels: Float64x3, scratch: Float64x2, contributions: Float64x2) -> None:
    """Write each channel's share in the alarm of reading i: half by its deviation, half by its part of the energy."""
    deviations, energies = 0.0, 0.0
    for j in range(contributions.shape[1]):
        if not math.isnan(scratch[Z, j]):
            deviations += abs(channels[row, j, LEVEL] - channels[row, j, REFERENCE]) * channels[row, j, PER_SPREAD]
            energies += max(channels[row, j, ENERGY], 0.0)
    for j in range(contributions.shape[1]):
        if not math.isnan(scratch[Z, j]):
            off = abs(channels[row, j, LEVEL] - channels[row, j, REFERENCE]) * channels[row, j, PER_SPREAD]
            part = max(channels[row, j, ENERGY], 0.0)
            contributions[i, j] = 0.5 * off / deviations + 0.5 * part / energies


@kernel(error_model="numpy")
def end_training(k: int, row: Index, state: State, updates: Updates) -> None:
    """End the device's current training and write its update, the k-th."""
    devices, own = state.devices, state.own
    counted, judged = devices[row, COUNTED], devices[row, JUDGED]
    updates.accuracy[k] = devices[row, FORETOLD] / counted if counted > 0 else 0.0
    updates.loss[k] = devices[row, ENERGIES] / judged if judged > 0 else 1.0
    for p in range(own.shape[1]):
        updates.parameters[k, p] = own[row, p]
    updates.layouts[k] = state.layout[row]
    updates.global_versions[k] = np.int32(devices[row, ORIGIN])
    devices[row, BEGUN] = 0.0


@kernel(error_model="numpy")
def observe(
    position: int,
    training: int,
    readings: Readings,
    trainings: Trainings,
    state: State,
    standing: Standing,
    judgement: Annotated[Judgement, record(Judgement, contributions=Float64x2)],
    updates: Updates,
) -> tuple[int, int, int]:
    """Judge readings from ``position`` on, ending trainings from ``training`` on, until a device may have to fit.

    Returns the position and training to go on from, and the row of that device; -1 when all is done. The caller notes
    in the device's LOOKED columns that it was considered, so that going on does not stop there again.
    """
    readers, values = readings.rows, readings.values
    model, devices, layout, seen = state.model, state.devices, state.layout, state.seen
    channels = model.channels
    scores, anomalous, channel_of, deviations = judgement.score, judgement.anomalous, judgement.channel, judgement.z
    means, stds = judgement.mean, judgement.std
    global_version, min_readings = standing.global_version, standing.min_readings
    complete = state.rows.shape[1]
    alone = min(ALONE, complete)
    scratch = np.zeros((ROOM, padded(channels.shape[1])))
    i, ending = position, training
    end = end_of(trainings, ending)
    while True:
        while i == end:
            row = np.uintp(trainings.rows[ending])
            count, fitted = int(devices[row, ROWS]), int(devices[row, FITTED])
            if layout[row] < 0 or (
                devices[row, LOOKED] != count and (fitted == 0 or grown_enough(count, fitted, complete))
            ):
                return i, ending, int(trainings.rows[ending])
            end_training(ending, row, state, updates)
            ending += 1
            end = end_of(trainings, ending)
        if i == len(readers):
            return i, ending, -1
        row = np.uintp(readers[i])

        place = layout[row]
        if place < 0:
            return i, ending, int(readers[i])
        if devices[row, BEGUN] == 0.0:
            news = devices[row, FITTED] == 0.0 or moved(
                devices[row, PEERS],
                devices[row, THRESHOLD],
                standing.peers[place],
                standing.thresholds[place],
                standing.tolerance,
            )
            if news and devices[row, LOOKED_VERSION] != global_version and devices[row, ROWS] >= min_readings:
                return i, ending, int(readers[i])
            devices[row, ORIGIN] = global_version
            devices[row, ENERGIES] = devices[row, JUDGED] = devices[row, FORETOLD] = devices[row, COUNTED] = 0.0
        devices[row, BEGUN] += 1.0

        channel, deviation, score = -1, 0.0, 0.0
        if devices[row, FITTED] > 0.0:
            channel, deviation, score, energy, foretold, counted = judge(
                row, int(devices[row, SIZE]), i, values, model, scratch
            )
            devices[row, FORETOLD] += foretold
            devices[row, COUNTED] += counted
            if counted > 0:
                devices[row, ENERGIES] += energy
                devices[row, JUDGED] += 1.0
            score /= devices[row, THRESHOLD]
        if score > 1.0 and judgement.contributions is not None:  # it never is None here
            explain(row, i, channels, scratch, judgement.contributions)
        first, fresh, rate = -1, int(devices[row, ROWS]) < complete, STILL if score <= 1.0 else 0.0
        for j in range(values.shape[1]):
            value = values[i, j]
            if math.isnan(value):
                means[i, j] = stds[i, j] = np.nan
                continue
            if first < 0:
                first = j
            fresh |= (seen[row, SHOWN] >> j) & 1 == 0
            if devices[row, FITTED] > 0.0 and channels[row, j, SCALE] > 0.0:
                means[i, j] = channels[row, j, MEAN] + channels[row, j, REFERENCE] * channels[row, j, SCALE]
                stds[i, j] = channels[row, j, SPREAD] * channels[row, j, SCALE]
                follow(row, j, channels, scratch[Z, j], rate)
            else:
                means[i, j] = value
                stds[i, j] = FLOOR * max(1.0, abs(value))
        channel_of[i] = channel if channel >= 0 else first
        deviations[i] = deviation
        scores[i] = score
        anomalous[i] = score > 1.0

        devices[row, ENDURED] = max(devices[row, ENDURED] + (1.0 if score > 1.0 else -1.0), 0.0)
        if devices[row, ENDURED] >= max(ENDLESS * complete, LASTING):
            begin_anew(row, state)
            fresh = True
        if fresh:
            keep(row, i, values, state)
        i += 1
        count, fitted = int(devices[row, ROWS]), int(devices[row, FITTED])
        if fitted < count and count != devices[row, LOOKED]:
            start = fitted == 0 and (count == alone or (count == min_readings and global_version > 0))
            if start or count == complete:
                return i, ending, int(readers[i - 1])
