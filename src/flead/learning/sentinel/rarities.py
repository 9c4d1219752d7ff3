"""How rare each view of a reading is for its signal, and the evidence that they make together.

Every view has a tail (``tails``). What its value comes to is R = -ln P(V > v), at most ``CAP``. A crossing's rarity is
held for a while, a twentieth less with every reading: it is a statement about the swing, not about the reading.
"""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.sentinel.record import (
    DISTANCE,
    HELD,
    JOINT,
    KINDS,
    QUICK,
    RELATION,
    RELATION_MEAN,
    TAILS,
)
from flead.learning.tail.evidence import CAP, NEWS, RHYTHM_VIEW, SEASON_VIEW, STILL_VIEW
from flead.learning.tail.tails import FIRST, SIZE_OF_TAIL, learn, rarity
from flead.learning.tail.views import CHANGES, CROSSINGS, ENDED, LEAST, PERIOD, SEASONED

LEASTS = (*LEAST, *[0.05] * (KINDS - QUICK))
"""The smallest mean excess of every view that is believed."""
HOLD = 0.95

_F1, _S3 = types.float64[::1], types.float64[:, :, ::1]


@njit(
    types.void(_S3, types.uintp, types.uintp, _F1, types.float64, types.boolean, types.boolean, _F1),
    cache=True,
    nogil=True,
)
def rate_looks(
    signals: NDArray[np.float64],
    row: int | np.uintp,
    channel: int | np.uintp,
    looks: NDArray[np.float64],
    seen: float,
    several: bool,
    learns: bool,
    rarities: NDArray[np.float64],
) -> None:
    """Write the rarities (K,) of the views (K,) of a signal whose tails have ``seen`` so many; they learn if asked to.

    Without ``several`` channels there are no relations to rate.
    """
    for i in range(KINDS):
        rarities[i] = 0.0
        at = TAILS + i * SIZE_OF_TAIL
        before, enough, view = seen, float(FIRST), looks[i]
        if i == SEASON_VIEW:
            if signals[row, channel, PERIOD] == 0.0:
                continue
            # Its tail begins anew with every period, and has to have seen one.
            before, enough = signals[row, channel, SEASONED] // NEWS, max(FIRST, signals[row, channel, PERIOD] / NEWS)
        elif i == STILL_VIEW:
            before = signals[row, channel, CHANGES]
        elif i == RHYTHM_VIEW:
            before = signals[row, channel, CROSSINGS] - 1.0
            signals[row, channel, HELD] *= HOLD
            rarities[i] = signals[row, channel, HELD]
            if view < 0.0:  # not crossed now
                continue
        elif not several and i in (RELATION, RELATION_MEAN, JOINT, DISTANCE):
            continue
        if before >= enough:
            rarities[i] = max(rarities[i], min(rarity(signals, row, channel, at, view, LEASTS[i]), CAP))
            if i == RHYTHM_VIEW:
                signals[row, channel, HELD] = rarities[i]
        if not learns or (i == SEASON_VIEW and signals[row, channel, SEASONED] % NEWS != 0.0):
            continue
        if i != STILL_VIEW:
            learn(signals, row, channel, at, view, before)
        elif view == 0.0:
            # How long it stayed the same is known when it changes.
            learn(signals, row, channel, at, signals[row, channel, ENDED], before - 1.0)
