"""How restless a device is, which says how much it learns."""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.sentinel.record import (
    READINGS,
)

RESTLESS = 6.0
"""Rarity of what lasts, on average, above which a device is restless: what comes once in e^6 = 400 readings."""
GATE = 0.05
"""What a restless device's reading teaches its references."""
SELDOM = 10.0
"""... and its tails learn only every so many of them."""
SOON, LATEST = 200.0, 4000.0
"""What lasts for longer than all that a device has seen, within these bounds, is a new normal."""
PACE = 1.0 / 16.0

_F2 = types.float64[:, ::1]


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
