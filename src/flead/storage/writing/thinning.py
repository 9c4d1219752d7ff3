"""Which readings are kept as points of a signal: so many a second of event time, whatever the fleet's size."""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.columns import Batch, Devices
from flead.learning.arrays import grown


@njit(
    types.int64(types.int32[::1], types.int64[::1], types.int64[::1], types.int64, types.int64[::1]),
    cache=True,
    nogil=True,
)
def due_readings(
    rows: NDArray[np.int32],
    times: NDArray[np.int64],
    due: NDArray[np.int64],
    interval: int,
    positions: NDArray[np.int64],
) -> int:
    """Write the positions of the readings that are due, and when each device's next one is; returns their number.

    Shapes: rows, times and positions (N,), due (D,). A reading whose time steps back by more than an interval
    begins a new recording of its device.
    """
    count = 0
    for i in range(len(rows)):
        row = np.uintp(rows[i])
        if times[i] >= due[row] or times[i] < due[row] - 2 * interval:
            due[row] = times[i] + interval
            positions[count] = i
            count += 1
    return count


class Thinning:
    """Picks one reading of a device every so many milliseconds, so that the fleet keeps to ``points_per_second``."""

    def __init__(self, devices: Devices, points_per_second: int) -> None:
        self._devices = devices
        self._points_per_second = points_per_second
        self._due = np.zeros(0, np.int64)

    def pick(self, batch: Batch) -> NDArray[np.int64]:
        """The positions of the readings to keep."""
        self._due = grown(self._due, len(self._devices))
        devices_of_kind = np.bincount(self._devices.kind, minlength=len(self._devices.kinds))
        signals = int(devices_of_kind @ [len(channels) for channels in self._devices.kinds])
        interval = 1000 * signals // self._points_per_second
        positions = np.empty(batch.size, np.int64)
        return positions[: due_readings(batch.rows, batch.times, self._due, interval, positions)]
