"""Counters: signals that only rise, such as packets since the start of a machine. They are judged by their rate.

A signal is taken for a counter when it has risen ``RISES`` times and never fallen. What is looked at from then on is by
how much it rises. A counter may start anew: by how much it rose then nobody knows. One that falls again and again is
none.
"""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

RISES = 50
"""Noise rises so often without a fall once in 2^50."""
FALLS = 3.0
"""A counter that has fallen more often than so, of late, is none."""
LATE = 1.0 / 1000.0
"""A fall is half forgotten after about 700 readings."""

# The numbers of a counter.
RAW = 0  # the signal's last reading
ROSE = 1  # how often it rose, up to RISES, from which on it is a counter; below 0: it is none
FELL = 2  # how often it fell of late
SIZE_OF_COUNTER = 3

_S3 = types.float64[:, :, ::1]


@njit(types.boolean(_S3, types.uintp, types.uintp, types.intp, types.float64, types.boolean), cache=True, nogil=True)
def count(
    signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, at: int, value: float, first: bool
) -> bool:
    """Take in a reading; whether what is looked at is another thing from it on. State is at ``signals[.., at:]``."""
    rose, before = signals[row, channel, at + ROSE], signals[row, channel, at + RAW]
    if rose < 0.0 or first or value == before:
        return False
    if rose < RISES:
        signals[row, channel, at + ROSE] = rose + 1.0 if value > before else -1.0
        return bool(signals[row, channel, at + ROSE] == RISES)
    fell = signals[row, channel, at + FELL]
    fell -= LATE * fell
    if value < before:
        fell += 1.0
    signals[row, channel, at + FELL] = fell
    if fell > FALLS:
        signals[row, channel, at + ROSE] = -1.0
    return bool(fell > FALLS)
