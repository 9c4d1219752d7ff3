"""The evidence that something happened to a signal, and how rare it is: what the views of a reading come to.

Every view (views.py) is turned into how rare its value is for its signal (tails.py), -ln P, at most ``CAP``. Their sum
is the evidence. It has a tail of its own, which starts from what is known of the fleet's.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.tail.tails import COMMON, FIRST, SIZE_OF_TAIL, learn, rarity
from flead.learning.tail.views import CHANGES, COUNT, CROSSINGS, ENDED, LEAST, PERIOD, SEASONED, SIZE_OF_VIEWS, VIEWS

COMBINED = len(VIEWS)
LEVEL_VIEW, SEASON_VIEW = VIEWS.index("level"), VIEWS.index("season")
STILL_VIEW, RHYTHM_VIEW = VIEWS.index("stillness"), VIEWS.index("rhythm")

# The numbers of a signal's record, behind the state of its views.
TRUST = SIZE_OF_VIEWS  # how many readings the fleet's tails count for in its own
TAILS = SIZE_OF_VIEWS + 1  # a tail for each view
EVIDENCE = TAILS + COMBINED * SIZE_OF_TAIL  # the tail of the evidence
SIZE_OF_SIGNAL = EVIDENCE + SIZE_OF_TAIL

SIZE_OF_MODEL = (COMBINED + 1) * SIZE_OF_TAIL
"""What is shared: the logarithms of what describes every tail."""

CAP = 40.0
"""One view alone counts for no more: e^-40 is known of nobody."""
NEWS = 8.0
"""The view of the season is an average over about so many readings, so that only every so many say something new: what
is slowly left must not be learnt on the way."""
FLEET = 10_000.0
"""Readings of its own after which a signal counts as much as the fleet in what evidence is rare."""
LEND = 200.0
"""Readings that the fleet's tails count for in those of a signal that has fewer."""
TINY = 1e-9
"""Smallest number of a tail that is shared."""

_F1 = types.float64[::1]
_S3 = types.float64[:, :, ::1]


@njit(types.void(_S3, types.uintp, types.int64, _F1), cache=True, nogil=True)
def summarise(signals: NDArray[np.float64], row: int | np.uintp, warm_up: int, tails: NDArray[np.float64]) -> None:
    """Write the logarithms of a device's tails, (SIZE_OF_MODEL,), averaged over its signals that have some; else 0."""
    tails[:] = 0.0
    known = 0
    for channel in range(signals.shape[1]):
        if signals[row, channel, COUNT] + signals[row, channel, TRUST] - warm_up < 2 * FIRST:
            continue
        known += 1
        for i in range(SIZE_OF_MODEL):
            tails[i] += math.log(max(signals[row, channel, TAILS + i], TINY))
    for i in range(SIZE_OF_MODEL):
        tails[i] /= max(known, 1)


@njit(types.void(_S3, types.uintp, types.int64, _F1), cache=True, nogil=True)
def lend(signals: NDArray[np.float64], row: int | np.uintp, warm_up: int, fleet: NDArray[np.float64]) -> None:
    """Let a device's signals that know little start from the fleet's tails, (SIZE_OF_MODEL,)."""
    for channel in range(signals.shape[1]):
        own = signals[row, channel, COUNT] - warm_up
        if signals[row, channel, TRUST] > 0.0 or own >= LEND:
            continue
        share = 0.0 if own < 2 * FIRST else own / (own + LEND)
        for i in range(SIZE_OF_MODEL):
            signals[row, channel, TAILS + i] = share * signals[row, channel, TAILS + i] + (1.0 - share) * fleet[i]
        signals[row, channel, TRUST] = LEND


@njit(types.float64(_S3, types.uintp, types.uintp, types.float64, _F1), cache=True, nogil=True)
def weigh(
    signals: NDArray[np.float64],
    row: int | np.uintp,
    channel: int | np.uintp,
    seen: float,
    views: NDArray[np.float64],
) -> float:
    """The evidence in a signal's views, (V,), which its tails then learn after ``seen`` others; -1 while they begin."""
    evidence = 0.0
    for i in range(COMBINED):
        at = TAILS + i * SIZE_OF_TAIL
        before, enough = seen, float(FIRST)
        if i == SEASON_VIEW:
            # Its tail begins anew with every period, and has to have seen one.
            before, enough = signals[row, channel, SEASONED] // NEWS, max(FIRST, signals[row, channel, PERIOD] / NEWS)
            if signals[row, channel, PERIOD] == 0.0:
                continue
        elif i == STILL_VIEW:
            before = signals[row, channel, CHANGES]
        elif i == RHYTHM_VIEW:
            before = signals[row, channel, CROSSINGS] - 1.0
            if views[i] < 0.0:  # not crossed now
                continue
        if before >= enough:
            evidence += min(rarity(signals, row, channel, at, views[i], LEAST[i]), CAP)
        if i == SEASON_VIEW and signals[row, channel, SEASONED] % NEWS != 0.0:
            continue
        if i != STILL_VIEW:
            learn(signals, row, channel, at, views[i], before)
        elif views[i] == 0.0:
            # How long it stayed the same is known when it changes.
            learn(signals, row, channel, at, signals[row, channel, ENDED], before - 1.0)
    return evidence if seen >= FIRST else -1.0


@njit(
    types.float64(_S3, types.uintp, types.uintp, types.float64, types.float64, types.float64, types.float64),
    cache=True,
    nogil=True,
)
def rareness(
    signals: NDArray[np.float64],
    row: int | np.uintp,
    channel: int | np.uintp,
    seen: float,
    fleet_quantile: float,
    fleet_excess: float,
    evidence: float,
) -> float:
    """log10 of the readings between two with such evidence, by the fleet's tail and, the more it saw, the signal's."""
    above = evidence - fleet_quantile
    rare = COMMON * (1.0 + min(above, 0.0) / fleet_quantile) + max(above, 0.0) / fleet_excess
    if seen >= 2 * FIRST:
        own = rarity(signals, row, channel, EVIDENCE, evidence, 1.0)
        rare += (own - rare) * min(seen, FLEET) / (min(seen, FLEET) + FLEET)
    return rare / math.log(10.0)


@njit(_F1(_F1, _F1, _F1), cache=True, nogil=True)
def probabilities(
    z: NDArray[np.float64], model: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N,) how surely readings with these z are rarer than their thresholds, by the fleet's tail of deviations alone.

    With r = P(Z > |z|) by that tail, it is 1 / (1 + r 10^threshold): one half where it is as rare as the threshold.
    """
    tail = np.zeros((1, 1, SIZE_OF_TAIL))
    first = LEVEL_VIEW * SIZE_OF_TAIL
    for k in range(SIZE_OF_TAIL):
        tail[0, 0, k] = model[first + k]
    result = np.empty(len(z))
    for i in range(len(z)):
        rare = rarity(tail, np.uintp(0), np.uintp(0), 0, abs(z[i]), LEAST[LEVEL_VIEW])
        result[i] = 1.0 / (1.0 + math.exp(min(thresholds[i] * math.log(10.0) - rare, 700.0)))
    return result
