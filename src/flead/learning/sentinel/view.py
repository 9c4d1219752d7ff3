"""All views of a reading: each channel's, and what channels say of each other."""

import numpy as np
from numba import njit, types

from flead.learning.sentinel.chance import seed_of
from flead.learning.sentinel.record import (
    DISTANCE,
    DISTANCES,
    JOINT,
    JOINT_HEAT,
    KINDS,
    KNOWN_CHANNELS,
    MEAN,
    MEAN_DISTANCES,
    MEAN_JOINT_HEAT,
    READINGS,
    SEED,
    SEEN,
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
from flead.learning.sentinel.state import SAID, SCRATCH, STATE, STREAM, Said, Scratch, State, Stream
from flead.learning.tail.views import look, rate


@njit(types.void(STATE, types.uintp, types.intp, types.int64, types.float64, STREAM, SCRATCH), cache=True, nogil=True)
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


@njit(types.int64(STATE, types.uintp, types.intp, types.float64, STREAM, SCRATCH, SAID), cache=True, nogil=True)
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
