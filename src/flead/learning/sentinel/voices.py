"""Three voices on whether something happened, each calibrated, and a sum whose own tail is known.

- the *moment*: the sum of the rarities of the quick views, as in learner ``tail``;
- what *lasts*: the sum of those of the views against the reference;
- the shared *model*: its logit, from ``LOWEST`` on.

A voice speaks in -ln P of what it saw, where nothing happens: by the tail that signals have in general
(``shipped.USUAL``) and, the more readings it saw, by the signal's own. Of a device's C channels the rarest counts, less
ln C (Bonferroni). The voices are not independent, and so their sum is no -ln P: it has a tail of its own, known in the
same way.
"""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.tail.tails import COMMON, FIRST, rarity

MOMENT_VOICE, LASTING_VOICE, MODEL_VOICE, SUM_VOICE = range(4)
LOWEST = -12.0
"""Logits below this count as it: less likely than that nothing is."""
SHARED = 10_000.0
"""Readings of its own after which a signal counts as much as signals in general."""


@njit(
    types.float64(
        types.float64[:, :, ::1], types.uintp, types.uintp, types.intp, types.float64, types.float64[:, ::1],
        types.intp, types.float64,
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def rareness(
    tails: NDArray[np.float64],
    row: int | np.uintp,
    place: int | np.uintp,
    at: int,
    seen: float,
    usual: NDArray[np.float64],
    voice: int,
    evidence: float,
) -> float:
    """-ln P of what a voice has seen, by its usual tail and its own of ``seen`` readings.

    Its own is at ``tails[row, place, at:]``. ``usual`` has the 98 % quantile of every voice and the mean excess above
    it, (4, 2); the usual tail is exponential there.
    """
    quantile, excess = usual[voice, 0], usual[voice, 1]
    above = evidence - quantile
    rare = COMMON * (1.0 + min(above, 0.0) / quantile) + max(above, 0.0) / excess
    if seen >= 2 * FIRST:
        own = rarity(tails, row, place, at, evidence, 0.2 * excess)
        rare += (own - rare) * min(seen, SHARED) / (min(seen, SHARED) + SHARED)
    return float(max(rare, 0.0))
