"""What the store says of a device besides numbers - its id, broker and channels - as columns to copy."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from flead.columns import Devices
from flead.idtable import IdTable
from flead.storage.text import clean_bytes
from flead.storage.writing.copy_rows import TEXT, Field, Whole, array_bytes, ids, int4, words


class FleetColumns:
    """The rows of a table of devices, translated when they are first seen."""

    def __init__(self, devices: Devices, broker_of: Callable[[str], int]) -> None:
        self._devices = devices
        self._broker_of = broker_of
        self._ids = IdTable()
        self._id_rows = np.zeros(0, dtype=np.int32)
        self._brokers = np.zeros(0, dtype=np.int32)

    def _see_new(self) -> None:
        known = len(self._id_rows)
        if known == len(self._devices):
            return
        new = [clean_bytes(self._devices.ids.get(row)) for row in range(known, len(self._devices))]
        brokers = np.array([self._broker_of(device.decode()) for device in new], dtype=np.int32)
        self._id_rows = np.concatenate([self._id_rows, self._ids.rows(new)])
        self._brokers = np.concatenate([self._brokers, brokers])

    def ids(self, rows: Whole) -> Field:
        """The ids of these devices, fit for Postgres."""
        self._see_new()
        return ids(self._ids, self._id_rows[rows])

    def stored_rows(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """One number a device of the store: two ids that differ only in what Postgres cannot hold share it."""
        self._see_new()
        known: NDArray[np.int32] = self._id_rows[rows]
        return known

    def broker_numbers(self, rows: Whole) -> NDArray[np.int32]:
        """The brokers of these devices."""
        self._see_new()
        brokers: NDArray[np.int32] = self._brokers[rows]
        return brokers

    def brokers(self, rows: Whole) -> Field:
        """The same as a column."""
        return int4(self.broker_numbers(rows))

    def channel(self, rows: Whole, numbers: Whole) -> Field:
        """The names of channel ``numbers[i]`` of device ``rows[i]``; IndexError if it has no such channel."""
        kinds = self._devices.kinds
        kind = self._devices.kind[rows]
        if (numbers >= np.array([len(names) for names in kinds])[kind]).any():
            raise IndexError("a device has no channel of this number")
        names = [clean_bytes(name.encode("utf-8", "surrogatepass")) for kind in kinds for name in kind]
        first = np.cumsum([0, *map(len, kinds)])
        return words(names, first[kind] + numbers)

    def channels(self, rows: Whole) -> Field:
        """All channels of these devices, as arrays of text."""
        arrays = [
            array_bytes([clean_bytes(name.encode("utf-8", "surrogatepass")) for name in kind], TEXT)
            for kind in self._devices.kinds
        ]
        return words(arrays, self._devices.kind[rows])
