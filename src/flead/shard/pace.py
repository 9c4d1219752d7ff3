"""How often devices speak: what turns alarms a day into readings an alarm. Learners see no time, and so not this.

A device's readings are taken in tens. Each ten says how far apart its readings were on average, and the median of the
last five is the device's pace (a median of means: Nemirovsky, Yudin 1983). So readings that are missing, repeated, late
or come in pairs count as what they are, a gap of a week or a clock that is set spoils one ten of five, and a device
that begins to speak more often is known to do so thirty readings later. Only differences of times are looked at.
"""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.arrays import Columns, grown

DAY = 86_400_000.0
TEN = 10
"""Readings that an average is taken over; more, where all of them have the same time."""
KEPT = 5
"""Averages that the median is taken of."""
USUAL = 60_000.0
"""Milliseconds between readings until a device's first ten are known, which is before any learner scores."""
SPARSE = 50.0
"""No device may raise more than one alarm in so many readings, however seldom it speaks."""


@njit(
    types.void(types.int32[::1], types.int64[::1], types.int64[::1], types.int32[::1], types.float64[:, ::1],
               types.float64[::1], types.float64[::1]),
    cache=True,
    nogil=True,
)  # fmt: skip
def follow(
    rows: NDArray[np.int32],
    times: NDArray[np.int64],
    begun: NDArray[np.int64],
    counts: NDArray[np.int32],
    averages: NDArray[np.float64],
    gaps: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write the milliseconds between readings of N readings' devices, as known with them; 0 while unknown.

    State, changed in place: when the current ten began and how many readings it has, one more than it has gaps (D,);
    the last averages, the newest first, and their median (D, KEPT), (D,).
    """
    ordered = np.empty(KEPT)
    for i in range(len(rows)):
        row = np.uintp(rows[i])
        if counts[row] == 0:
            begun[row] = times[i]
        counts[row] += 1
        elapsed = times[i] - begun[row]
        if counts[row] > TEN and elapsed != 0:
            if elapsed > 0:  # else the clock was set back
                known = 1
                for k in range(KEPT - 1, 0, -1):
                    averages[row, k] = averages[row, k - 1]
                    known += averages[row, k] > 0.0
                averages[row, 0] = elapsed / (counts[row] - 1)
                ordered[:] = np.inf
                for k in range(known):
                    ordered[k] = averages[row, k]
                ordered.sort()
                gaps[row] = ordered[(known - 1) // 2]
            begun[row], counts[row] = times[i], 1
        out[i] = gaps[row]


class Pace:
    """How many readings of a device may pass between two alarms, for the devices of a shard.

    ``readings_per_day`` is known, or None: then it is found out.
    """

    def __init__(self, alarms_per_day: float, readings_per_day: float | None) -> None:
        self.alarms_per_day = alarms_per_day
        self.readings_per_day = readings_per_day
        self._begun = np.zeros(0, np.int64)
        self._counts = np.zeros(0, np.int32)
        self._averages = np.zeros((0, KEPT))
        self._gaps = np.zeros(0)

    def grow(self, devices: int) -> None:
        """Make room for rows up to ``devices``."""
        self._begun, self._counts = grown(self._begun, devices), grown(self._counts, devices)
        self._averages, self._gaps = grown(self._averages, devices), grown(self._gaps, devices)

    def follow(self, rows: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.float64]:
        """(N,) the readings of its device in which each of these may raise about one alarm."""
        gaps = np.empty(len(rows))
        follow(rows, times, self._begun, self._counts, self._averages, self._gaps, gaps)
        if self.readings_per_day is not None:
            return np.full(len(rows), self.readings_per_day / self.alarms_per_day)
        gaps[gaps == 0.0] = USUAL
        every: NDArray[np.float64] = np.maximum(DAY / gaps / self.alarms_per_day, SPARSE)
        return every

    def columns(self) -> Columns:
        """The state of the devices, as views."""
        return {
            "pace_begun": self._begun,
            "pace_counts": self._counts,
            "pace_averages": self._averages,
            "pace_gaps": self._gaps,
        }
