"""A reading's way through the sentinel: viewed, judged, learnt, and told from its twin."""

import numpy as np
from numba import njit, types

from flead.learning.sentinel.judge import judge
from flead.learning.sentinel.model import (
    INPUTS,
)
from flead.learning.sentinel.record import (
    KIND,
    LOCKED,
    READINGS,
    ROWS,
    SEED,
    UNREST,
    WAIT,
)
from flead.learning.sentinel.restless import gate_of
from flead.learning.sentinel.state import SAID, SCRATCH, STATE, STREAM, TEACHING, Said, Scratch, State, Stream, Teaching
from flead.learning.sentinel.teach import begin_training, chosen, end_training, teach
from flead.learning.sentinel.twins import conceive
from flead.learning.sentinel.view import view
from flead.learning.tail.tails import FIRST
from flead.learning.tail.views import COUNT

UNSCORED = -1.0


@njit(types.void(STATE, STREAM, TEACHING, SCRATCH, SAID), cache=True, nogil=True)
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
