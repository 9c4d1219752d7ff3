"""What is said of a reading: how rare its evidence is, and whether an event begins, lasts or ends."""

import math

import numpy as np
from numba import njit, types

from flead.learning.sentinel.model import (
    INPUTS,
    inputs_of,
    logit_of,
)
from flead.learning.sentinel.rarities import rate_looks
from flead.learning.sentinel.record import (
    CALM,
    CAUTION,
    CHANNEL,
    EVENT,
    KIND,
    KINDS,
    KNOWN_CHANNELS,
    LASTING,
    LOGITS,
    MOMENT,
    PEAK,
    QUICK,
    READINGS,
    SUMS,
    TREND,
    UNREST,
)
from flead.learning.sentinel.restless import PACE, SELDOM
from flead.learning.sentinel.state import SAID, SCRATCH, STATE, STREAM, TEACHING, Said, Scratch, State, Stream, Teaching
from flead.learning.sentinel.voices import LASTING_VOICE, LOWEST, MODEL_VOICE, MOMENT_VOICE, SUM_VOICE, rareness
from flead.learning.tail.tails import COMMON, FIRST, learn
from flead.learning.tail.views import COUNT

KNOWN = 2.0
"""Who has seen n readings does not know what comes less than once in so many n."""
RISE, CAREFUL = 1.0, 0.1
"""See ``tail``: what an event has to rise by to deserve another alarm, and how much surer each alarm makes a device."""
MOST = 2.0
"""An event lasts while what is seen is, on average over 16 readings, among the rarest 2 %; what is rarer than their
square counts as it, so that what was surer does not last longer for it."""


@njit(
    types.void(
        STATE, types.uintp, types.intp, *[types.float64] * 3, types.int64, types.float64, types.float64,
        TEACHING, STREAM, SAID,
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
    types.void(STATE, types.uintp, types.intp, types.int64, types.float64, TEACHING, STREAM, SCRATCH, SAID),
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
