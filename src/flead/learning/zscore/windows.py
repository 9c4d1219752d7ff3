"""Rolling mean and standard deviation of many signals at once.

Every signal (a device's channel) is one record of floats: eight running numbers, then a ring of its last W
values. The numbers are an anchor a, S1 = sum(x - a), S2 = sum((x - a)^2), the largest S2 since they were
last summed afresh, the mean and standard deviation, and how many values the ring holds and where the next
one goes. With the anchor amid the data the differences are small and nearly exact, so that the sums stay
right at values of 1e9, where textbook sums of squares lose every digit (Chan, Golub, LeVeque 1983,
"Algorithms for Computing the Sample Variance", American Statistician 37: shifted data).

The sums are made afresh from the ring, about a new anchor, whenever the ring has gone round once, and
as soon as the variance has become so much smaller than S2 once was that rounding could show.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.arrays import grown

ANCHOR, SUM, SQUARES, PEAK, MEAN, STD, SIZE, SLOT, RING = range(9)
"""Where a record's numbers lie. MEAN and STD are of the window as it is now, for the next reading."""

LOST_DIGITS = 1e-3
"""Sum afresh when n var < LOST_DIGITS * peak: rounding, at most 2 W eps peak, stays below 1e-10 of it."""

FLOOR = 1e-6
"""Smallest standard deviation, relative to max(1, |mean|): a constant signal that jumps is still judged."""


@njit(
    types.void(types.float64[:, :, ::1], types.uintp, types.uintp, types.float64),
    cache=True,
    nogil=True,
    inline="always",
)
def push(signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, value: float) -> None:
    """Put a value into the window of one signal; the oldest leaves a full one.

    ``signals`` has the shape (D, C, RING + W). The value is finite and its magnitude at most 1e100.
    """
    width = signals.shape[2] - RING
    size = int(signals[row, channel, SIZE])
    slot = int(signals[row, channel, SLOT])
    if size == 0:
        signals[row, channel, ANCHOR] = value
    anchor = signals[row, channel, ANCHOR]
    difference = value - anchor
    first = signals[row, channel, SUM] + difference
    second = signals[row, channel, SQUARES] + difference * difference
    if size == width:
        leaving = signals[row, channel, RING + slot] - anchor
        first -= leaving
        second -= leaving * leaving
    else:
        size += 1
        signals[row, channel, SIZE] = size
    signals[row, channel, RING + slot] = value
    slot = slot + 1 if slot + 1 < width else 0
    signals[row, channel, SLOT] = slot

    peak = max(signals[row, channel, PEAK], second)
    share = 1.0 / size
    offset = first * share
    scatter = second - first * offset  # n var
    if slot == 0 or scatter < LOST_DIGITS * peak:
        # Here rather than in a function of its own: a call would cost every reading, not one in W.
        total = 0.0
        for i in range(RING, RING + size):
            total += signals[row, channel, i] - value
        anchor = value + total / size
        signals[row, channel, ANCHOR] = anchor
        first = 0.0
        second = 0.0
        for i in range(RING, RING + size):
            difference = signals[row, channel, i] - anchor
            first += difference
            second += difference * difference
        peak = second
        offset = first * share
        scatter = second - first * offset
    signals[row, channel, SUM] = first
    signals[row, channel, SQUARES] = second
    signals[row, channel, PEAK] = peak
    mean = anchor + offset
    signals[row, channel, MEAN] = mean
    signals[row, channel, STD] = max(math.sqrt(max(scatter, 0.0) * share), FLOOR * max(1.0, abs(mean)))


class Windows:
    """The last ``width`` values of every channel of every device.

    >>> windows = Windows(width=3)
    >>> windows.grow(devices=1, channels=1)
    >>> for value in [1.0, 2.0, 3.0, 4.0]:
    ...     push(windows.signals, 0, 0, value)
    >>> windows.values(0, 0).tolist(), float(windows.signals[0, 0, MEAN])
    ([2.0, 3.0, 4.0], 3.0)
    """

    def __init__(self, width: int) -> None:
        self.signals = np.zeros((0, 0, RING + width))

    def grow(self, devices: int, channels: int) -> None:
        """Make room for so many devices and channels; what is there stays."""
        self.signals = grown(self.signals, devices, channels)

    def values(self, row: int, channel: int) -> NDArray[np.float64]:
        """The values in one signal's window, oldest first."""
        signal = self.signals[row, channel]
        size, slot, ring = int(signal[SIZE]), int(signal[SLOT]), signal[RING:]
        return ring[:size].copy() if size < len(ring) else np.roll(ring, -slot)
