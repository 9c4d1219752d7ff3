"""Recordings that lie on a disk, merged into one stream by event time.

All of them are read when the source is opened, into columns: 33 bytes a row, and 8 more for each channel
of the device that has most.

A position says of every recording how many of its rows were given, and a checksum of their times. So a source goes on
with what is new where recordings have grown, have come or are gone.

Within a recording the order of its rows is kept, even where times repeat or step back. Across recordings a
row's place is the latest time that its recording has shown up to it (the running maximum), ties in the order
of the recordings: a row that is late in its recording comes as late in the merged stream.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.columns import Batch, Channels, Chunk, Devices
from flead.ingest.errors import SourceError
from flead.records import NO_LABEL, Rejected

UNKNOWN_TIME = np.iinfo(np.int64).min
"""The time of a rejected row, which takes its place from the rows before it."""


class Recording(NamedTuple):
    """The M rows of one device in their order, of which some are rejected."""

    device: str
    channels: Channels
    times: NDArray[np.int64]  # (M,) milliseconds since the epoch; UNKNOWN_TIME in rejected rows
    values: NDArray[np.float64]  # (M, C); anything in rejected rows
    labels: NDArray[np.int8]  # (M,)
    rejected: dict[int, Rejected]  # row -> why it was rejected
    name: str = ""
    """Identifies it in a source's position: its file and, where a file has several devices, the device."""

    @classmethod
    def of_rejected(cls, rejected: Sequence[Rejected], name: str = "") -> "Recording":
        """Rows that were all rejected, so that no device is known by them."""
        count = len(rejected)
        times = np.full(count, UNKNOWN_TIME, dtype=np.int64)
        labels = np.full(count, NO_LABEL, dtype=np.int8)
        return cls("", (), times, np.empty((count, 0)), labels, dict(enumerate(rejected)), name)


class RecordedSource:
    """A source whose recordings ``read`` gives. Memory: all readings, as columns."""

    _marks: list["_Mark"]
    _gone: dict[str, int]
    _position: int
    _keys: NDArray[np.int64]  # (M,) when each row is due, rising
    _owners: NDArray[np.int32]  # (M,) which recording's row it is
    _bad: NDArray[np.int64]  # (R,) the rejected among them, rising
    _rejected: list[Rejected]
    _readings: Batch
    given_before: int
    """How many rows lie before the position that the source was opened at."""

    def __init__(self, name: str, read: Callable[[], Sequence[Recording]]) -> None:
        self.name = name
        self._read = read
        self._clear()

    def open(self, devices: Devices, position: dict[str, int] | None) -> None:
        """Read all recordings. Raises :class:`SourceError` if what lies before ``position`` has changed since."""
        recordings = self._read()
        self._clear()
        self._marks = _marks(recordings)
        if position is not None:
            self._go_on(position)
        keys = np.concatenate([np.empty(0, np.int64), *_keys(recordings)])
        lengths = [len(recording.times) for recording in recordings]
        owners = np.repeat(np.arange(len(recordings), dtype=np.int32), lengths)
        order = np.argsort(keys, kind="stable")
        given = np.array([mark.given for mark in self._marks], np.int64)
        if given.any():
            starts = np.cumsum([0, *lengths])[:-1]
            order = order[order - starts[owners[order]] >= given[owners[order]]]
        self.given_before = int(given.sum())
        self._keys, self._owners = keys[order], owners[order]
        self._take(recordings, devices, order)

    def next_batch(self, limit: int, until: int | None) -> Chunk | None:
        """The next rows, at most ``limit`` of them, rejected ones included."""
        start = self._position
        if start == len(self._keys):
            return None
        stop = min(start + limit, len(self._keys))
        if until is not None:
            stop = max(start, min(stop, int(np.searchsorted(self._keys, until, side="right"))))
        first_bad, last_bad = np.searchsorted(self._bad, (start, stop)).tolist()
        counts = np.bincount(self._owners[start:stop], minlength=len(self._marks))
        for number in np.flatnonzero(counts).tolist():
            self._marks[number].given += int(counts[number])
        self._position = stop
        readings = self._readings.part(start - first_bad, stop - last_bad)
        return Chunk(readings, self._rejected[first_bad:last_bad])

    def start_time(self) -> int:
        """When the next row is due; after the last row, when that was."""
        if not len(self._keys):
            return 0
        return int(self._keys[min(self._position, len(self._keys) - 1)])

    def snapshot(self) -> dict[str, int]:
        """How many rows of every recording were given, and a checksum of their times."""
        return self._gone | {mark.name: mark.packed() for mark in self._marks if mark.given}

    def total(self) -> int:
        """All rows: the readings and the rejected, those before the position that the source was opened at as well."""
        return self.given_before + len(self._keys)

    def close(self) -> None:
        """Give the memory back."""
        self._clear()

    def _clear(self) -> None:
        self.given_before = self._position = 0
        self._marks, self._gone = [], {}
        self._keys, self._owners = np.empty(0, np.int64), np.empty(0, np.int32)
        self._bad, self._rejected = np.empty(0, np.int64), []
        self._readings = Batch(np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, 1)), np.empty(0, np.int8))

    def _go_on(self, position: dict[str, int]) -> None:
        """Skip what was given before. Positions of recordings that are gone are kept: they may come back."""
        known = {mark.name: mark for mark in self._marks}
        self._gone = {name: packed for name, packed in position.items() if name not in known}
        for name, packed in position.items():
            mark = known.get(name)
            if mark is None:
                continue
            mark.given = packed >> 32
            if mark.given > len(mark.times) or mark.packed() != packed:
                raise SourceError(
                    f"{self.name}: what was read of {name} before has changed since; "
                    "put it back as it was, or start afresh with --fresh"
                )

    def _take(self, recordings: Sequence[Recording], devices: Devices, order: NDArray[np.int64]) -> None:
        """Register the devices, and lay their rows out in ``order``."""
        known = [recording for recording in recordings if len(recording.rejected) < len(recording.times)]
        rows_of = {recording.device: _register(recording, devices) for recording in known}
        starts = np.cumsum([0, *(len(recording.times) for recording in recordings)])
        count = int(starts[-1])
        rows = np.empty(count, dtype=np.int32)
        values = np.full((count, devices.width), np.nan)
        good = np.ones(count, dtype=bool)
        rejected: dict[int, Rejected] = {}
        for recording, start, stop in zip(recordings, starts, starts[1:], strict=False):
            for row, reason in recording.rejected.items():
                good[start + row] = False
                rejected[int(start + row)] = reason
            if recording.device in rows_of:
                row = rows_of[recording.device]
                rows[start:stop] = row
                named = devices.channels(row)
                for column, channel in enumerate(recording.channels):
                    values[start:stop, named.index(channel)] = recording.values[:, column]
        times = np.concatenate([np.empty(0, np.int64), *(recording.times for recording in recordings)])
        labels = np.concatenate([np.empty(0, np.int8), *(recording.labels for recording in recordings)])
        self._bad = np.flatnonzero(~good[order])
        self._rejected = [rejected[place] for place in order[self._bad].tolist()]
        kept = order[good[order]]
        self._readings = Batch(rows[kept], times[kept], values[kept], labels[kept])


def _register(recording: Recording, devices: Devices) -> int:
    return int(devices.add([recording.device], recording.channels)[0])


class _Mark:
    """How far a recording was given."""

    def __init__(self, name: str, device: str, times: NDArray[np.int64]) -> None:
        self.name = name
        self.times = times
        self.given = 0
        self._summed = 0
        self._checksum = zlib.crc32(device.encode())

    def packed(self) -> int:
        """The number of rows and, in the lower 32 bits, the checksum of their times."""
        self._checksum = zlib.crc32(self.times[self._summed : self.given].tobytes(), self._checksum)
        self._summed = self.given
        return self.given << 32 | self._checksum


def _marks(recordings: Sequence[Recording]) -> list[_Mark]:
    marks: list[_Mark] = []
    names: set[str] = set()
    for number, recording in enumerate(recordings):
        name = recording.name or recording.device
        if name in names:
            name = f"{name} ({number})"
        names.add(name)
        marks.append(_Mark(name, recording.device, recording.times))
    return marks


def _keys(recordings: Sequence[Recording]) -> list[NDArray[np.int64]]:
    """(M,) each: when a row is due. A rejected row before any reading is due with the first one."""
    first = [times[times != UNKNOWN_TIME][:1] for times in (recording.times for recording in recordings)]
    overall = min((int(time[0]) for time in first if len(time)), default=0)
    keys = []
    for recording, time in zip(recordings, first, strict=True):
        begin = int(time[0]) if len(time) else overall
        keys.append(np.maximum.accumulate(np.maximum(recording.times, begin)))
    return keys
