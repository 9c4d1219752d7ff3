"""Readings as columns, and the table of devices that their rows point into.

A reading is never a Python object on its way through a shard: it is one position in the arrays of a
:class:`Batch`. A device is a row number; :class:`Devices` holds the ids.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from flead.idtable import IdTable
from flead.records import DEFAULT_CHANNEL, Rejected

Channels = tuple[str, ...]


class Batch(NamedTuple):
    """N readings in order of arrival.

    ``values[i, j]`` is the value of reading i in channel j of its device, NaN where it has none;
    ``Devices.channels(row)`` names the channels. C is at least the width of every device in the batch.
    """

    rows: NDArray[np.int32]  # (N,) the device, as a row of the table of devices
    times: NDArray[np.int64]  # (N,) event time in milliseconds since the epoch, UTC
    values: NDArray[np.float64]  # (N, C), C-contiguous
    labels: NDArray[np.int8]  # (N,) ground truth: 0, 1, or records.NO_LABEL

    @property
    def size(self) -> int:
        """The number of readings, N (``len`` of a named tuple counts its columns)."""
        return len(self.rows)

    def part(self, start: int, stop: int) -> "Batch":
        """Readings ``start`` to ``stop``, as views."""
        return Batch(self.rows[start:stop], self.times[start:stop], self.values[start:stop], self.labels[start:stop])

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Batch":
        """The readings at these positions, or where it is true, as copies."""
        return Batch(self.rows[which], self.times[which], self.values[which], self.labels[which])


@dataclass(slots=True)
class Chunk:
    """What a source returns at once: readings, and rows that were rejected."""

    batch: Batch
    rejected: list[Rejected]


class Source(Protocol):
    """Where readings come from. A source is read by one pipeline.

    It gives a device's readings in their own order, and the devices' readings merged by event time as
    far as that order allows. The same source with the same settings gives the same readings.
    """

    name: str
    """As the user wrote it: ``sim``, ``csv:DIR``."""

    def open(self, devices: "Devices", position: dict[str, int] | None) -> None:
        """Register the devices; go on at ``position``, a former ``snapshot()``, or start at the beginning."""

    def next_batch(self, limit: int, until: int | None) -> Chunk | None:
        """Up to ``limit`` readings with event times up to ``until`` (milliseconds; None: no bound).

        An empty chunk means that none is due yet, None that the source has ended.
        """

    def start_time(self) -> int:
        """Event time of the next reading in milliseconds, for playing the source in real time."""

    def snapshot(self) -> dict[str, int]:
        """Where the next batch begins; never called between a batch and its rejected rows."""

    def total(self) -> int | None:
        """How many rows the source has in all, for a progress bar; None if it has no end."""

    def close(self) -> None:
        """Release files and connections."""


class Devices:
    """The devices of a shard: ids to rows and back, and each device's channels. It only grows.

    Devices with the same channels share a *kind*, an index into ``kinds``.

    >>> devices = Devices()
    >>> devices.add(["pump_1", "pump_2", "pump_1"], ("pressure", "flow")).tolist()
    [0, 1, 0]
    >>> devices.id(1), devices.channels(1)
    ('pump_2', ('pressure', 'flow'))
    """

    def __init__(self) -> None:
        self.ids = IdTable()
        self.kinds: list[Channels] = [(DEFAULT_CHANNEL,)]
        self.width = 1
        """The number of channels of the device that has most."""
        self._kind_of_row = np.zeros(64, dtype=np.int16)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, ids: Iterable[str], channels: Channels = (DEFAULT_CHANNEL,)) -> NDArray[np.int32]:
        """The rows of these devices. A new device gets these channels; a known one gets those it lacks.

        Without channels, they are not known yet. ValueError if they are not distinct; nothing is changed then.
        """
        if len(set(channels)) < len(channels):
            raise ValueError(f"channels must be distinct, not {channels!r}")
        known = len(self)
        rows = self.ids.rows(device.encode() for device in ids)
        if len(self) > known:
            self.kind[known : len(self)] = self.kind_number(channels)
        for kind in np.unique(self.kind[rows]):
            lacking = tuple(name for name in channels if name not in self.kinds[kind])
            if lacking:
                same = rows[self.kind[rows] == kind]
                self.kind[same] = self.kind_number(self.kinds[kind] + lacking)
        return rows

    def id(self, row: int) -> str:
        """The id of the device in this row."""
        return self.ids.get(row).decode()

    def texts(self, rows: NDArray[np.int32]) -> list[str]:
        """The ids of the devices in these rows."""
        ends, text = self.ids.ends, self.ids.arena.data
        bounds = zip(ends[rows].tolist(), ends[rows + 1].tolist(), strict=True)
        return [str(text[start:stop], "utf-8") for start, stop in bounds]

    def channels(self, row: int) -> Channels:
        """The names of this device's channels, in the order of its values."""
        return self.kinds[int(self.kind[row])]

    def by_channel(self, rows: NDArray[np.int32], numbers: NDArray[np.float64]) -> list[dict[str, float]]:
        """The positive numbers of every row of an (N, C) matrix, by the channels of these devices; to four digits."""
        return [
            {name: round(number, 4) for name, number in zip(self.kinds[kind], row, strict=False) if number > 0}
            for kind, row in zip(self.kind[rows].tolist(), numbers.tolist(), strict=True)
        ]

    @property
    def kind(self) -> NDArray[np.int16]:
        """(D,) the kind of every device: an index into ``kinds``; a view."""
        if len(self) > len(self._kind_of_row):
            grown = np.zeros(max(len(self), len(self._kind_of_row) * 3 // 2), dtype=np.int16)
            grown[: len(self._kind_of_row)] = self._kind_of_row
            self._kind_of_row = grown
        return self._kind_of_row[: len(self)]

    def kind_number(self, channels: Channels) -> int:
        """The number of the kind with these channels, which is added if it is new."""
        if channels not in self.kinds:
            self.kinds.append(channels)
            self.width = max(self.width, len(channels))
        return self.kinds.index(channels)
