"""A table of byte strings: id to row and row to id, in flat arrays that kernels can use.

A Python dict of a million device ids costs 170 bytes a device and a Python object at every look-up;
this one costs the id's bytes and about 20 more, and a kernel that decodes messages looks ids up by itself.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

EMPTY = -1
FULL = -2
"""Returned by :func:`intern` where there is no room for a new id: :meth:`IdTable.reserve`, then try again."""

TEXT = types.Array(types.uint8, 1, "C", readonly=True)
"""Bytes that a kernel only reads: ``np.frombuffer`` of bytes gives such an array."""
TABLE = (types.uint8[::1], types.int64[::1], types.int32[::1], types.int64[::1])


@njit(types.uint64(TEXT, types.int64, types.int64), cache=True, nogil=True, inline="always")
def hash_bytes(text: NDArray[np.uint8], start: int, stop: int) -> np.uint64:
    """FNV-1a of ``text[start:stop]`` (Fowler, Noll, Vo), its high bits folded into the low ones."""
    digest = np.uint64(14695981039346656037)
    for i in range(start, stop):
        digest = (digest ^ np.uint64(text[i])) * np.uint64(1099511628211)
    return digest ^ (digest >> np.uint64(32))


@njit(types.int64(TEXT, types.int64, types.int64, *TABLE[:3]), cache=True, nogil=True, inline="always")
def slot_of(
    text: NDArray[np.uint8],
    start: int,
    stop: int,
    arena: NDArray[np.uint8],
    ends: NDArray[np.int64],
    slots: NDArray[np.int32],
) -> np.int64:
    """The slot that holds the row of the id ``text[start:stop]``, or the empty one where it belongs."""
    mask = len(slots) - 1
    slot = np.int64(hash_bytes(text, start, stop) & np.uint64(mask))
    length = stop - start
    while slots[slot] != EMPTY:
        row = np.int64(slots[slot])
        begin = ends[row]
        if ends[row + 1] - begin == length:
            same = True
            for i in range(length):
                if arena[begin + i] != text[start + i]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & mask
    return slot


@njit(types.int64(TEXT, types.int64, types.int64, *TABLE), cache=True, nogil=True)
def intern(
    text: NDArray[np.uint8],
    start: int,
    stop: int,
    arena: NDArray[np.uint8],
    ends: NDArray[np.int64],
    slots: NDArray[np.int32],
    count: NDArray[np.int64],
) -> int:
    """The row of the id ``text[start:stop]``, added if it is new; ``FULL`` if it does not fit."""
    slot = slot_of(text, start, stop, arena, ends, slots)
    if slots[slot] != EMPTY:
        return int(slots[slot])
    length = stop - start
    row = count[0]
    begin = ends[row]
    if 2 * (row + 1) > len(slots) or begin + length > len(arena):
        return FULL
    for i in range(length):
        arena[begin + i] = text[start + i]
    ends[row + 1] = begin + length
    slots[slot] = row
    count[0] = row + 1
    return int(row)


@njit(types.int64(TEXT, types.int64[::1], types.int64, types.int32[::1], *TABLE), cache=True, nogil=True)
def intern_many(
    text: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    first: int,
    rows: NDArray[np.int32],
    arena: NDArray[np.uint8],
    ends: NDArray[np.int64],
    slots: NDArray[np.int32],
    count: NDArray[np.int64],
) -> int:
    """Rows of the ids ``text[bounds[i]:bounds[i + 1]]`` from ``first`` on; returns how far it came."""
    for i in range(first, len(rows)):
        row = intern(text, bounds[i], bounds[i + 1], arena, ends, slots, count)
        if row == FULL:
            return i
        rows[i] = row
    return len(rows)


class IdTable:
    """Distinct byte strings, numbered from 0 in order of arrival. It only grows.

    >>> table = IdTable()
    >>> table.rows([b"pump_1", b"pump_2", b"pump_1"]).tolist()
    [0, 1, 0]
    >>> table.get(1), len(table)
    (b'pump_2', 2)
    """

    def __init__(self) -> None:
        self.arena = np.zeros(1024, dtype=np.uint8)
        self.ends = np.zeros(65, dtype=np.int64)
        self.slots = np.full(128, EMPTY, dtype=np.int32)
        self.count = np.zeros(1, dtype=np.int64)

    def __len__(self) -> int:
        return int(self.count[0])

    def get(self, row: int) -> bytes:
        """The id in this row; IndexError if there is none."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of a table of {len(self)} ids")
        return self.arena[self.ends[row] : self.ends[row + 1]].tobytes()

    def find(self, name: bytes) -> int:
        """The row of this id, or ``EMPTY``."""
        text = np.frombuffer(name, dtype=np.uint8)
        return int(self.slots[slot_of(text, 0, len(text), self.arena, self.ends, self.slots)])

    def rows(self, ids: Iterable[bytes]) -> NDArray[np.int32]:
        """The rows of these ids; new ones are added."""
        listed: Sequence[bytes] = list(ids)
        text = np.frombuffer(b"".join(listed), dtype=np.uint8)
        bounds = np.zeros(len(listed) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, listed), dtype=np.int64, count=len(listed)), out=bounds[1:])
        rows = np.empty(len(listed), dtype=np.int32)
        done = 0
        while done < len(rows):
            done = intern_many(text, bounds, done, rows, *self.arrays())
            if done < len(rows):
                self.reserve(len(self) + len(rows) - done, int(bounds[-1] - bounds[done]))
        return rows

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """The arguments of :func:`intern`; stale after :meth:`reserve`."""
        return self.arena, self.ends, self.slots, self.count

    def reserve(self, ids: int, more_bytes: int) -> None:
        """Make room for ``ids`` ids in all, and for ``more_bytes`` bytes beyond those in use."""
        count = len(self)
        used = int(self.ends[count])
        if used + more_bytes > len(self.arena):
            grown = np.zeros(max(used + more_bytes, len(self.arena) * 3 // 2), dtype=np.uint8)
            grown[:used] = self.arena[:used]
            self.arena = grown
        capacity = len(self.slots)
        while capacity < 2 * (ids + 1):
            capacity *= 2
        if capacity > len(self.slots):
            ends = np.zeros(capacity // 2 + 1, dtype=np.int64)
            ends[: count + 1] = self.ends[: count + 1]
            self.ends = ends
            self.slots = np.full(capacity, EMPTY, dtype=np.int32)
            # Entering the ids again in their order gives them their rows again.
            kept, self.count[0] = self.arena[:used].copy(), 0
            intern_many(kept, self.ends[: count + 1].copy(), 0, np.empty(count, np.int32), *self.arrays())
