"""Readings as a frame has them, to batches as a shard takes them.

A frame has one column a channel, for all devices; a shard has each device's own channels, and in a fleet they differ.
Which ones a device has is seen as it speaks: it has a channel from its first reading with a value there. A device that
gets another one does so between two batches, just before that reading, so that it does not matter how the stream was
cut into frames.
"""

from collections.abc import Iterator

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.api.frames import Readings
from flead.columns import Batch, Channels, Devices
from flead.learning.arrays import grown

SECOND = 1000
"""Milliseconds between the readings of a device that tells no times, as in a CSV file without them."""

_ROWS, _VALUES = types.int32[::1], types.float64[:, ::1]


@njit(types.int64(_ROWS, _VALUES, types.boolean[:, ::1], types.int64[::1]), cache=True, nogil=True)
def find_news(
    rows: NDArray[np.int32], values: NDArray[np.float64], known: NDArray[np.bool_], positions: NDArray[np.int64]
) -> int:
    """Write the positions of the readings with a channel that was not known of their device, and return their number.

    Shapes: rows (N,), values (N, C), known (D, C), which is brought up to date, positions (N,).
    """
    count = 0
    for i in range(len(rows)):
        row, new = rows[i], False
        for channel in range(values.shape[1]):
            if not np.isnan(values[i, channel]) and not known[row, channel]:
                known[row, channel] = new = True
        if new:
            positions[count] = i
            count += 1
    return count


@njit(types.void(_ROWS, _VALUES, types.int16[::1], types.int64[:, ::1], _VALUES), cache=True, nogil=True)
def arrange(
    rows: NDArray[np.int32],
    values: NDArray[np.float64],
    kind: NDArray[np.int16],
    places: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Move values (N, C) to where their device has its channels, (N, W): of kind k, channel c is at places[k, c]."""
    for i in range(len(rows)):
        out[i, :] = np.nan
        of_kind = kind[rows[i]]
        for channel in range(values.shape[1]):
            if not np.isnan(values[i, channel]):
                out[i, places[of_kind, channel]] = values[i, channel]


@njit(types.void(_ROWS, types.int64[::1], types.int64[::1]), cache=True, nogil=True)
def count_up(rows: NDArray[np.int32], seen: NDArray[np.int64], times: NDArray[np.int64]) -> None:
    """The times (N,) of readings that tell none: a second apart from the epoch on. ``seen`` (D,) goes on."""
    for i in range(len(rows)):
        times[i] = seen[rows[i]] * SECOND
        seen[rows[i]] += 1


class Intake:
    """What is known of the devices of a shard, and the way of readings into its table of them."""

    def __init__(self, devices: Devices) -> None:
        self.devices = devices
        self.channels: list[str] = []
        """All channels of all devices, in the order in which they came."""
        self.seen = np.zeros(0, np.int64)
        """(D,) how many readings every device has told without a time."""
        self._rows: dict[str, int] = {}
        self._known = np.zeros((0, 0), np.bool_)  # (D, C) which channels the devices have

    def restore(self, channels: list[str], seen: NDArray[np.int64]) -> None:
        """Go on where another intake stopped, whose devices are in the table."""
        count = len(self.devices)
        self.channels, self.seen = list(channels), seen.copy()
        self._rows = {self.devices.id(row): row for row in range(count)}
        self._known = np.zeros((count, len(channels)), np.bool_)
        for row in range(count):
            self._known[row] = np.isin(channels, self.devices.channels(row))

    def enter(self, readings: Readings) -> None:
        """Register all devices with all the channels that these readings have, in the order of their names."""
        values, spoken = self._columns(readings), np.zeros(len(readings.names), np.bool_)
        spoken[readings.devices] = True
        new = [readings.names[place] for place in np.flatnonzero(spoken) if readings.names[place] not in self._rows]
        self._number(new)
        rows = self._rows_of(readings)
        find_news(rows, values, self._known, np.empty(len(rows), np.int64))
        self._register(new, [self._named(self._known[self._rows[name]]) for name in new])

    def batches(self, readings: Readings) -> Iterator[Batch]:
        """The readings, which all have a value, in their order, cut where a device gets another channel."""
        values = self._columns(readings)
        self._number(_new_names(readings, self._rows))
        rows = self._rows_of(readings)
        told, positions = self._known.copy(), np.empty(len(rows), np.int64)
        news = positions[: find_news(rows, values, self._known, positions)]
        times = self._counted(rows) if readings.times is None else readings.times
        names, channels, start = list[str](), list[Channels](), 0
        for at in news.tolist():
            row, name = int(rows[at]), readings.names[readings.devices[at]]
            lacking = ~np.isnan(values[at]) & ~told[row]
            if told[row].any():
                self._register(names, channels)
                yield self._batch(slice(start, at), rows, times, values, readings.labels)
                names, channels, start = [], [], at
                self.devices.add([name], self._named(lacking))
            else:
                names.append(name)
                channels.append(self._named(lacking))
            told[row] |= lacking
        self._register(names, channels)
        yield self._batch(slice(start, None), rows, times, values, readings.labels)

    def _columns(self, readings: Readings) -> NDArray[np.float64]:
        """(N, C) the values in the order of ``channels``, which gets what is new."""
        self.channels += [name for name in readings.channels if name not in self.channels]
        if tuple(self.channels) == readings.channels:
            return readings.values
        values = np.full((len(readings.values), len(self.channels)), np.nan)
        values[:, [self.channels.index(name) for name in readings.channels]] = readings.values
        return values

    def _number(self, new: list[str]) -> None:
        """Give devices the rows that they will have in the table."""
        self._rows.update(zip(new, range(len(self._rows), len(self._rows) + len(new)), strict=True))
        room = len(self._known)
        if len(self._rows) > room:
            room = max(len(self._rows), room * 3 // 2)  # devices that come one by one must not cost a copy each
        self._known, self.seen = grown(self._known, room, len(self.channels)), grown(self.seen, room)

    def _rows_of(self, readings: Readings) -> NDArray[np.int32]:
        """(N,) the devices as rows of the table; those without a reading have none."""
        return np.array([self._rows.get(name, -1) for name in readings.names], np.int32)[readings.devices]

    def _counted(self, rows: NDArray[np.int32]) -> NDArray[np.int64]:
        times = np.empty(len(rows), np.int64)
        count_up(rows, self.seen, times)
        return times

    def _named(self, mask: NDArray[np.bool_]) -> Channels:
        return tuple(self.channels[column] for column in np.flatnonzero(mask))

    def _register(self, names: list[str], channels: list[Channels]) -> None:
        """Enter new devices, each with its channels."""
        if names:
            rows = self.devices.add(names, channels[0])
            self.devices.kind[rows] = [self.devices.kind_number(each) for each in channels]

    def _batch(
        self,
        part: slice,
        rows: NDArray[np.int32],
        times: NDArray[np.int64],
        values: NDArray[np.float64],
        labels: NDArray[np.int8],
    ) -> Batch:
        places = np.zeros((len(self.devices.kinds), len(self.channels)), np.int64)
        for kind, channels in enumerate(self.devices.kinds):
            for place, channel in enumerate(channels):
                if channel in self.channels:
                    places[kind, self.channels.index(channel)] = place
        arranged = np.empty((len(rows[part]), self.devices.width))
        arrange(rows[part], values[part], self.devices.kind, places, arranged)
        return Batch(rows[part], times[part], arranged, labels[part])


def _new_names(readings: Readings, known: dict[str, int]) -> list[str]:
    """The devices that are not known, in the order of their first reading."""
    if all(name in known for name in readings.names):
        return []
    count = len(readings.devices)
    first = np.full(len(readings.names), count)
    first[readings.devices[::-1]] = np.arange(count)[::-1]  # of several the last one stays
    order = np.argsort(first, kind="stable").tolist()
    return [name for place in order if first[place] < count and (name := readings.names[place]) not in known]
