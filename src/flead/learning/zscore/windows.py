"""Rolling mean and standard deviation of many signals at once.

Each signal (one channel of one device) is a record of floats: running numbers, then a ring of its last W values. The
sums are taken about an anchor a, S1 = sum(x - a) and S2 = sum((x - a)^2). With the anchor amid the data the differences
are small and nearly exact, so that the sums stay right at values of 1e9, where textbook sums of squares lose every
digit (Chan, Golub, LeVeque 1983, "Algorithms for Computing the Sample Variance", American Statistician 37: shifted
data).

The sums are recomputed from the ring, about a new anchor, whenever the ring has gone round once, and as soon as the
variance has become so much smaller than S2 once was that rounding could show.

>>> signals = np.zeros((1, 1, RING + 3))  # one device, one channel, a window of three
>>> for value in [1.0, 2.0, 3.0, 4.0]:
...     push(signals, 0, 0, value)
>>> window(signals[0, 0]).tolist(), float(signals[0, 0, MEAN])
([2.0, 3.0, 4.0], 3.0)
"""

import math

import numpy as np
from numpy.typing import NDArray

from flead.learning.kernels import Float64x3, Index, kernel

# The numbers of a signal's record.
ANCHOR = 0  # a, what the sums are relative to
SUM = 1  # S1
SQUARES = 2  # S2
PEAK = 3  # the largest S2 since the sums were last recomputed
MEAN = 4  # the mean of the window as it is now, for the next reading
STD = 5  # its standard deviation, likewise
SIZE = 6  # how many values the ring holds
SLOT = 7  # where in the ring the next value goes
RING = 8  # the ring: the last W values, from here on

LOST_DIGITS = 1e-3
"""Recompute the sums when n var < LOST_DIGITS * peak: rounding, at most 2 W eps peak, stays below 1e-10 of n var."""

FLOOR = 1e-6
"""Smallest standard deviation, relative to max(1, |mean|), so that a constant signal that jumps is still judged."""


@kernel(inline="always", _nrt=False)
def push(signals: Float64x3, row: Index, channel: Index, value: float) -> None:
    """Put a value into the window of one signal; a full window drops its oldest.

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
        # Here rather than in a function of its own: the call would cost every reading, not one in W.
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


def window(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values in the window of one signal's record (RING + W,), oldest first."""
    size, slot, ring = int(signal[SIZE]), int(signal[SLOT]), signal[RING:]
    return ring[:size].copy() if size < len(ring) else np.roll(ring, -slot)
