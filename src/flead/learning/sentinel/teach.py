"""Trainings: where they begin and end, and the lessons between, a twin beside its channel."""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.sentinel.chance import uniform
from flead.learning.sentinel.model import (
    HALVED,
    LEAST_RATE,
    ODDS,
    RATE,
    SIZE_OF_MODEL,
    descend,
    inputs_of,
)
from flead.learning.sentinel.rarities import rate_looks
from flead.learning.sentinel.record import (
    AGE,
    BORN,
    CHANNEL,
    DISTANCE,
    JOINT,
    KINDS,
    KNOWN_CHANNELS,
    LENGTH,
    LOSS,
    MEAN_DISTANCES,
    MEAN_JOINT_HEAT,
    ORIGIN,
    PAIRS,
    QUICK,
    READINGS,
    RIGHT,
    ROWS,
    TWIN_DISTANCES,
    TWIN_JOINT,
    TWIN_LOCKED,
    TWIN_UNREST,
)
from flead.learning.sentinel.reference import CUT, refer, standing
from flead.learning.sentinel.relations import (
    ERRORS,
    PLACES,
    SETTLED,
    relate,
    swell,
)
from flead.learning.sentinel.restless import PACE, gate_of
from flead.learning.sentinel.state import SAID, SCRATCH, STATE, STREAM, TEACHING, Said, Scratch, State, Stream, Teaching
from flead.learning.sentinel.twins import alike, bury, exchange, suffer
from flead.learning.tail.views import COUNT, LAST, look

_F2 = types.float64[:, ::1]


@njit(types.void(STATE, types.uintp, TEACHING), cache=True, nogil=True)
def begin_training(state: State, row: int | np.uintp, teaching: Teaching) -> None:
    """Let a device start from the newest model, or what it makes of it and its own."""
    devices, models = state.devices, state.models
    mix = teaching.mix if devices[row, BORN] > 0.0 else 1.0
    if teaching.version > 0 or devices[row, BORN] == 0.0:
        for i in range(SIZE_OF_MODEL):
            models[row, i] = mix * teaching.model[i] + (1.0 - mix) * models[row, i]
    for i in range(SIZE_OF_MODEL):
        models[row, SIZE_OF_MODEL + i] = models[row, i]
    devices[row, BORN], devices[row, ORIGIN] = 1.0, teaching.version
    devices[row, LOSS] = devices[row, RIGHT] = devices[row, PAIRS] = 0.0


@njit(types.void(STATE, types.uintp, types.int64, SAID), cache=True, nogil=True)
def end_training(state: State, row: int | np.uintp, k: int, said: Said) -> None:
    """Write update k. Of a training without a twin nothing is known: accuracy 0, the loss of a coin."""
    devices = state.devices
    pairs = devices[row, PAIRS]
    said.accuracy[k] = devices[row, RIGHT] / (2.0 * pairs) if pairs > 0.0 else 0.0
    said.loss[k] = devices[row, LOSS] / (2.0 * pairs) if pairs > 0.0 else math.log(2.0)
    for i in range(SIZE_OF_MODEL):
        said.parameters[k, i] = state.models[row, i]
    said.origin[k] = np.int32(devices[row, ORIGIN])
    devices[row, ROWS] = 0.0


@njit(types.void(STATE, types.uintp, types.intp, types.int64, TEACHING, STREAM, SCRATCH), cache=True, nogil=True)
def teach(
    state: State, row: int | np.uintp, i: int, known: int, teaching: Teaching, stream: Stream, scratch: Scratch
) -> None:
    """Let the device's twin suffer reading i, and the model tell it from its channel."""
    signals, devices, models, looks = state.signals, state.devices, state.models, scratch.twin
    channel = np.uintp(devices[row, CHANNEL])
    value, number = stream.values[i, channel], devices[row, READINGS]
    if np.isnan(value):
        return
    if not alike(signals, row, channel, state.twins):
        bury(devices, row)
        return
    # Of a counter, what is looked at is its rate, which is the newest that the channel has looked at.
    value = signals[row, channel, LAST]
    exchange(signals, row, channel, state.twins)
    for k in range(KINDS):
        looks[k] = 0.0
    value = suffer(signals, state.seasons, row, channel, devices, value)
    gate = gate_of(devices, row, TWIN_UNREST, TWIN_LOCKED)
    z = standing(signals, row, channel, value)
    error = look(signals, state.seasons, row, channel, value, looks, False)
    error = min(max(error, -CUT), CUT)
    refer(signals, row, channel, value, z, error, gate, looks)
    several = devices[row, KNOWN_CHANNELS] > 1.0
    if several and number > SETTLED:
        squares = np.zeros(2)
        for kind in range(2):
            precision = state.precisions[row, channel, kind, int(channel) % state.precisions.shape[3]]
            off = (z if kind == PLACES else error) - scratch.states[kind, channel]
            for j in range(scratch.states.shape[1]):
                squares[kind] += scratch.weighed[kind, j] * scratch.states[kind, j]
            squares[kind] += off * (2.0 * scratch.weighed[kind, channel] + off * precision)
            if kind == PLACES:
                weighed = scratch.weighed[kind, channel] + off * precision
                relate(signals, row, channel, weighed, precision, number, gate, looks)
        looks[JOINT] = swell(devices, row, TWIN_JOINT, MEAN_JOINT_HEAT, squares[ERRORS] / known, -1.0)
        looks[DISTANCE] = swell(devices, row, TWIN_DISTANCES, MEAN_DISTANCES, squares[PLACES] / known, -1.0)
    seen = signals[row, channel, COUNT] - 1.0 - teaching.warm_up
    rate_looks(signals, row, channel, looks, seen, several, False, scratch.rarities)
    unrest = 0.0
    for k in range(QUICK, KINDS):
        unrest = max(unrest, scratch.rarities[k])
    devices[row, TWIN_UNREST] += PACE * (unrest - devices[row, TWIN_UNREST])
    exchange(signals, row, channel, state.twins)

    inputs_of(scratch.rarities, looks, scratch.inputs)
    pace = max(RATE / (1.0 + number / HALVED), LEAST_RATE)
    half = 0.5 * (1.0 + ODDS)
    for answer in range(2):
        inputs, weight = (scratch.inputs, 1.0 / half) if answer == 1 else (scratch.own, ODDS / half)
        if teaching.proximal > 0.0:
            for k in range(SIZE_OF_MODEL):
                models[row, k] -= pace * teaching.proximal * (models[row, k] - models[row, SIZE_OF_MODEL + k])
        right = descend(models, row, inputs, float(answer), weight, pace)
        devices[row, LOSS] -= weight * math.log(right + 1e-12)
        devices[row, RIGHT] += right > 0.5
    devices[row, PAIRS] += 1.0
    devices[row, AGE] += 1.0
    if devices[row, AGE] >= devices[row, LENGTH]:
        bury(devices, row)


@njit(types.uintp(_F2, types.intp, types.float64, types.float64, types.int64), cache=True, nogil=True)
def chosen(values: NDArray[np.float64], i: int, seed: float, number: float, known: int) -> int | np.uintp:
    """One of the ``known`` channels of reading i, by lot."""
    left = int(uniform(seed, number, 7) * known)
    for j in range(values.shape[1]):
        if not np.isnan(values[i, j]):
            if left == 0:
                return np.uintp(j)
            left -= 1
    return np.uintp(0)
