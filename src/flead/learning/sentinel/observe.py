"""A reading's way through the sentinel: viewed, rated, judged, learnt, and told from its twin."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.sentinel.chance import seed_of, uniform
from flead.learning.sentinel.model import (
    HALVED,
    INPUTS,
    LEAST_RATE,
    ODDS,
    RATE,
    SIZE_OF_MODEL,
    descend,
    inputs_of,
    logit_of,
)
from flead.learning.sentinel.rarities import rate_looks
from flead.learning.sentinel.record import (
    AGE,
    BORN,
    CALM,
    CAUTION,
    CHANNEL,
    DISTANCE,
    DISTANCES,
    EVENT,
    JOINT,
    JOINT_HEAT,
    KIND,
    KINDS,
    KNOWN_CHANNELS,
    LASTING,
    LENGTH,
    LOCKED,
    LOGITS,
    LOSS,
    MEAN,
    MEAN_DISTANCES,
    MEAN_JOINT_HEAT,
    MOMENT,
    ORIGIN,
    PAIRS,
    PEAK,
    QUICK,
    READINGS,
    RIGHT,
    ROWS,
    SEED,
    SEEN,
    SUMS,
    TREND,
    TWIN_DISTANCES,
    TWIN_JOINT,
    TWIN_LOCKED,
    TWIN_UNREST,
    UNREST,
    WAIT,
)
from flead.learning.sentinel.reference import CUT, refer, spread_of, standing
from flead.learning.sentinel.relations import (
    ERRORS,
    PLACES,
    PRESENT,
    RENEW,
    SETTLED,
    invert,
    learn_relations,
    relate,
    swell,
    weigh_relations,
)
from flead.learning.sentinel.twins import alike, bury, conceive, exchange, suffer
from flead.learning.sentinel.voices import LASTING_VOICE, LOWEST, MODEL_VOICE, MOMENT_VOICE, SUM_VOICE, rareness
from flead.learning.tails import COMMON, FIRST, learn
from flead.learning.views import COUNT, LAST, look, rate


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


RESTLESS = 6.0
"""Rarity of what lasts, on average, above which a device is restless: what comes once in e^6 = 400 readings."""
GATE = 0.05
"""What a restless device's reading teaches its references."""
SELDOM = 10.0
"""... and its tails learn only every so many of them."""
SOON, LATEST = 200.0, 4000.0
"""What lasts for longer than all that a device has seen, within these bounds, is a new normal."""
PACE = 1.0 / 16.0
KNOWN = 2.0
"""Who has seen n readings does not know what comes less than once in so many n."""
RISE, CAREFUL = 1.0, 0.1
"""See ``tail``: what an event has to rise by to deserve another alarm, and how much surer each alarm makes a device."""
MOST = 2.0
"""An event lasts while what is seen is, on average over 16 readings, among the rarest 2 %; what is rarer than their
square counts as it, so that what was surer does not last longer for it."""
UNSCORED = -1.0

_F1, _F2, _F3, _S4 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1], types.float32[:, :, ::1]
_G4 = types.Array(types.float64, 4, "C")
_STATE = types.NamedTuple((_F3, _S4, _F2, _F3, _F2, _F2, _G4, _G4), State)
_STREAM = types.NamedTuple((types.int32[::1], _F2, types.int64[::1], types.int32[::1], _F1, _F1, _F1), Stream)
_TEACHING = types.NamedTuple(
    (_F1, types.int64, types.float64, types.float64, types.int64, types.int64[::1], _F2, types.float64), Teaching
)
_SCRATCH = types.NamedTuple((_F2, _F1, _F2, _F2, _F1, _F1, _F1), Scratch)
_SAID = types.NamedTuple(
    (_F1, types.boolean[::1], types.int16[::1], _F1, _F2, _F2, types.float32[:, ::1], _F1, _F1, _F2, types.int32[::1]),
    Said,
)


@njit(types.void(_STATE, types.uintp, _TEACHING), cache=True, nogil=True)
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


@njit(types.void(_STATE, types.uintp, types.int64, _SAID), cache=True, nogil=True)
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


@njit(types.float64(_F2, types.uintp, types.intp, types.intp), cache=True, nogil=True)
def gate_of(devices: NDArray[np.float64], row: int | np.uintp, unrest: int, locked: int) -> float:
    """What a reading of a device, or of its twin, teaches the references: less while it is restless, within bounds."""
    if devices[row, unrest] <= RESTLESS:
        devices[row, locked] = max(devices[row, locked] - 1.0, 0.0)
        return 1.0
    if devices[row, locked] >= min(max(SOON, devices[row, READINGS]), LATEST):
        return 1.0
    devices[row, locked] += 1.0
    return GATE


@njit(
    types.void(_STATE, types.uintp, types.intp, types.int64, types.float64, _STREAM, _SCRATCH), cache=True, nogil=True
)
def view_relations(
    state: State, row: int | np.uintp, i: int, known: int, gate: float, stream: Stream, scratch: Scratch
) -> None:
    """Write the views of what channels say of each other."""
    devices, states, weighed = state.devices, scratch.states, scratch.weighed
    seen = devices[row, READINGS]
    weigh_relations(state.precisions, row, states, weighed)
    if seen > SETTLED:
        square = energy = 0.0
        for j in range(states.shape[1]):
            square += weighed[PLACES, j] * states[PLACES, j]
            energy += weighed[ERRORS, j] * states[ERRORS, j]
        joint = swell(devices, row, JOINT_HEAT, MEAN_JOINT_HEAT, energy / known, gate)
        distance = swell(devices, row, DISTANCES, MEAN_DISTANCES, square / known, gate)
        for j in range(states.shape[1]):
            if not np.isnan(stream.values[i, j]):
                precision = state.precisions[row, j, PLACES, j % state.precisions.shape[3]]
                relate(state.signals, row, np.uintp(j), weighed[PLACES, j], precision, seen, gate, scratch.looks[j])
                scratch.looks[j, JOINT], scratch.looks[j, DISTANCE] = joint, distance
    learn_relations(state.covariances, row, states, seen, gate)
    if seen % RENEW == RENEW - 1.0 and gate == 1.0:
        invert(state.covariances, state.precisions, row, seen)


@njit(types.int64(_STATE, types.uintp, types.intp, types.float64, _STREAM, _SCRATCH, _SAID), cache=True, nogil=True)
def view(state: State, row: int | np.uintp, i: int, gate: float, stream: Stream, scratch: Scratch, said: Said) -> int:
    """Write all views of reading i; how many channels it has."""
    signals, known = state.signals, 0
    for j in range(stream.values.shape[1]):
        value = stream.values[i, j]
        scratch.states[PLACES, j] = scratch.states[ERRORS, j] = scratch.states[PRESENT, j] = 0.0
        if np.isnan(value):
            said.mean[i, j] = said.std[i, j] = np.nan
            continue
        known += 1
        channel = np.uintp(j)
        looks = scratch.looks[j]
        for k in range(KINDS):
            looks[k] = 0.0
        value, base = rate(signals, state.seasons, row, channel, value)
        if state.devices[row, READINGS] == 0.0:
            state.devices[row, SEED] = seed_of(state.devices[row, SEED], value)
        centre = signals[row, channel, MEAN] if signals[row, channel, SEEN] > 0.0 else value
        said.mean[i, j], said.std[i, j] = base + centre, spread_of(signals, row, channel, centre)
        z = standing(signals, row, channel, value)
        error = look(signals, state.seasons, row, channel, value, looks, True)
        error = min(max(error, -CUT), CUT)
        refer(signals, row, channel, value, z, error, gate, looks)
        scratch.states[PLACES, j], scratch.states[ERRORS, j], scratch.states[PRESENT, j] = z, error, 1.0
    state.devices[row, KNOWN_CHANNELS] = max(state.devices[row, KNOWN_CHANNELS], float(known))
    if state.devices[row, KNOWN_CHANNELS] > 1.0:
        view_relations(state, row, i, known, gate, stream, scratch)
    return known


@njit(
    types.void(
        _STATE, types.uintp, types.intp, *[types.float64] * 3, types.int64, types.float64, types.float64,
        _TEACHING, _STREAM, _SAID,
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def add_up(
    state: State, row: int | np.uintp, i: int, moment: float, lasting: float, strongest: float, known: int,
    longest: float, gate: float, teaching: Teaching, stream: Stream, said: Said,
) -> None:  # fmt: skip
    """The voices' sum as a score, and the event that it begins, goes on with or ends."""
    devices, calibrations = state.devices, state.calibrations
    share = math.log(known)
    logit = strongest - share
    told, place = longest - 1.0, np.uintp(LOGITS)
    above = max(logit - LOWEST, 0.0)
    taught = rareness(calibrations, row, place, 0, told, teaching.usual, MODEL_VOICE, above)
    faulty = logit > 0.0
    learns = (gate == 1.0 and not faulty) or devices[row, READINGS] % SELDOM == 0.0
    if learns:
        learn(calibrations, row, place, 0, above, told)
    total = max(moment - share, 0.0) + max(lasting - share, 0.0) + taught
    place = np.uintp(SUMS)
    unusual = rareness(calibrations, row, place, 0, told, teaching.usual, SUM_VOICE, total)
    rare = unusual / math.log(10.0)
    if learns:
        learn(calibrations, row, place, 0, total, told)
    # What the shared model takes for a fault is known from all who taught it, other evidence from the device alone.
    knows = KNOWN * (longest + (teaching.taught if faulty else 0.0))
    score = min(rare, max(math.log10(knows), 1.0))
    said.score[i] = score

    devices[row, TREND] += PACE * (min(unusual, MOST * COMMON) - devices[row, TREND])
    lasts = faulty or devices[row, TREND] > COMMON
    devices[row, CALM] = 0.0 if lasts or score > stream.thresholds[i] else devices[row, CALM] + 1.0
    devices[row, CAUTION] = max(devices[row, CAUTION] - stream.relief[i], 0.0)
    if devices[row, CALM] > stream.quiet[i]:
        devices[row, PEAK] = 0.0
    if not lasts:
        devices[row, EVENT] = 0.0
    raised = devices[row, PEAK] > 0.0
    begins = score > (devices[row, PEAK] + RISE if raised else stream.thresholds[i] + devices[row, CAUTION])
    if begins and score > stream.thresholds[i]:
        if not raised:
            devices[row, CAUTION] += CAREFUL
        devices[row, PEAK], devices[row, EVENT] = score, 1.0
    said.anomalous[i] = (begins and score > stream.thresholds[i]) or devices[row, EVENT] > 0.0


@njit(
    types.void(_STATE, types.uintp, types.intp, types.int64, types.float64, _TEACHING, _STREAM, _SCRATCH, _SAID),
    cache=True,
    nogil=True,
)
def judge(
    state: State, row: int | np.uintp, i: int, known: int, gate: float, teaching: Teaching, stream: Stream,
    scratch: Scratch, said: Said,
) -> None:  # fmt: skip
    """Say of reading i how rare it is, and whether it is an anomaly."""
    signals, devices, rarities = state.signals, state.devices, scratch.rarities
    number = devices[row, READINGS]
    learns = gate == 1.0 or number % SELDOM == 0.0
    channel, farthest, strongest, unrest, longest = -1, -1.0, -math.inf, 0.0, 0.0
    moment = lasting = 0.0
    twin = int(devices[row, CHANNEL]) if devices[row, KIND] > 0.0 else -1
    for j in range(stream.values.shape[1]):
        if np.isnan(stream.values[i, j]):
            continue
        place, looks = np.uintp(j), scratch.looks[j]
        z = (stream.values[i, j] - said.mean[i, j]) / said.std[i, j]
        seen = signals[row, place, COUNT] - 1.0 - teaching.warm_up
        if j == twin:
            scratch.own[0] = -1.0
        if seen < 0.0:
            z = 0.0
        else:
            rate_looks(signals, row, place, looks, seen, devices[row, KNOWN_CHANNELS] > 1.0, learns, rarities)
        if seen >= FIRST:
            quick = slow = 0.0
            for k in range(KINDS):
                if k < QUICK:
                    quick += rarities[k]
                else:
                    slow += rarities[k]
                    unrest = max(unrest, rarities[k])
            told = seen - FIRST
            moment = max(moment, rareness(signals, row, place, MOMENT, told, teaching.usual, MOMENT_VOICE, quick))
            lasting = max(lasting, rareness(signals, row, place, LASTING, told, teaching.usual, LASTING_VOICE, slow))
            longest = max(longest, told + 1.0)
            if learns:
                learn(signals, row, place, MOMENT, quick, told)
                learn(signals, row, place, LASTING, slow, told)
            inputs_of(rarities, looks, scratch.inputs)
            logit = logit_of(state.models, row, scratch.inputs)
            if logit > strongest:
                channel, strongest, said.z[i] = j, logit, z
                for k in range(INPUTS):
                    said.features[i, k] = np.float32(scratch.inputs[k])
                said.features[i, INPUTS] = np.float32(math.log(known))
            if j == twin:
                for k in range(INPUTS):
                    scratch.own[k] = scratch.inputs[k]
        if strongest == -math.inf and abs(z) > farthest:
            channel, farthest, said.z[i] = j, abs(z), z
    said.channel[i] = channel
    devices[row, UNREST] += PACE * (unrest - devices[row, UNREST])
    if longest > 0.0:
        add_up(state, row, i, moment, lasting, strongest, known, longest, gate, teaching, stream, said)


@njit(types.void(_STATE, types.uintp, types.intp, types.int64, _TEACHING, _STREAM, _SCRATCH), cache=True, nogil=True)
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


@njit(types.void(_STATE, _STREAM, _TEACHING, _SCRATCH, _SAID), cache=True, nogil=True)
def observe(state: State, stream: Stream, teaching: Teaching, scratch: Scratch, said: Said) -> None:
    """Judge and learn N readings in order, ending K trainings where they end."""
    devices, ending = state.devices, 0
    for i in range(len(stream.rows) + 1):
        while ending < len(stream.positions) and stream.positions[ending] == i:
            end_training(state, np.uintp(stream.trained[ending]), ending, said)
            ending += 1
        if i == len(stream.rows):
            break
        row = np.uintp(stream.rows[i])
        if devices[row, ROWS] == 0.0:
            begin_training(state, row, teaching)
        devices[row, ROWS] += 1.0
        said.features[i, INPUTS] = UNSCORED
        gate = gate_of(devices, row, UNREST, LOCKED)
        known = view(state, row, i, gate, stream, scratch, said)
        judge(state, row, i, known, gate, teaching, stream, scratch, said)
        if devices[row, KIND] > 0.0:
            teach(state, row, i, known, teaching, stream, scratch)
        devices[row, READINGS] += 1.0
        if devices[row, KIND] == 0.0 and devices[row, READINGS] >= devices[row, WAIT]:
            channel = chosen(stream.values, i, devices[row, SEED], devices[row, READINGS], known)
            if state.signals[row, channel, COUNT] >= teaching.warm_up + FIRST + 10:
                conceive(state.signals, row, channel, devices, state.twins, teaching.faults)
