"""Messages to columns in one pass, for readings in plain form; the others are left to :mod:`flead.codec.strict`.

Plain is what programs write: the fields in any order, strings of printable ASCII without escapes, numbers of at
most 18 digits, channels that the device is known to have, and of unknown fields those that are no objects or arrays.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from flead.codec.tokens import NEWLINE, UNUSUAL, expect, label, moment, number, scalar, skip_space, string, word
from flead.codec.uncounted import njit_uncounted
from flead.idtable import EMPTY, FULL, TABLE, TEXT, intern, slot_of
from flead.records import LONGEST_NAME, NO_LABEL

LONGEST_LINE = 65_536
"""Bytes of one reading, at most."""

DEVICE_ID, DATA, TIMESTAMP, LABEL, OTHER = (1 << field for field in range(5))
REQUIRED = DEVICE_ID | DATA | TIMESTAMP

_OPEN, _CLOSE, _QUOTE, _COMMA, _COLON = (ord(c) for c in '{}",:')
_NAMES = tuple(np.frombuffer(name, np.uint8) for name in (b'"device_id"', b'"data"', b'"timestamp"', b'"label"'))

_I8 = types.int64
_FOUND = (types.int64[::1], types.float64[::1])
_NAME_TABLE = TABLE[:3]


@njit_uncounted(types.UniTuple(_I8, 2)(TEXT, _I8, _I8))
def field_name(text: NDArray[np.uint8], p: int, stop: int) -> tuple[int, int]:
    """The name of a field, in its quotes, and which it is."""
    end = word(text, p, stop, _NAMES[0])
    if end != UNUSUAL:
        return end, DEVICE_ID
    end = word(text, p, stop, _NAMES[1])
    if end != UNUSUAL:
        return end, DATA
    end = word(text, p, stop, _NAMES[2])
    if end != UNUSUAL:
        return end, TIMESTAMP
    end = word(text, p, stop, _NAMES[3])
    if end != UNUSUAL:
        return end, LABEL
    return string(text, p, stop), OTHER


@njit_uncounted(types.UniTuple(_I8, 2)(TEXT, _I8, _I8, *_FOUND, *_NAME_TABLE))
def measurements(
    text: NDArray[np.uint8],
    p: int,
    stop: int,
    channels: NDArray[np.int64],
    numbers: NDArray[np.float64],
    arena: NDArray[np.uint8],
    ends: NDArray[np.int64],
    slots: NDArray[np.int32],
) -> tuple[int, int]:
    """The ``data`` of a reading: writes its numbers and their channels, as rows of the table of names; their count."""
    if not 0 <= p < stop or text[p] != _OPEN:
        p, numbers[0] = number(text, p, stop)
        channels[0] = 0
        return p, 1
    p = expect(text, p, stop, _OPEN)
    for count in range(len(channels)):
        start = p
        p = string(text, start, stop)
        if p == UNUSUAL:
            break
        channels[count] = slots[slot_of(text, start + 1, p - 1, arena, ends, slots)]
        p, numbers[count] = number(text, expect(text, p, stop, _COLON), stop)
        p = skip_space(text, p, stop)
        if not 0 <= p < stop or channels[count] == EMPTY:
            break
        if text[p] == _CLOSE:
            return p + 1, count + 1
        p = expect(text, p, stop, _COMMA)
    return UNUSUAL, 0


@njit_uncounted(types.UniTuple(_I8, 6)(TEXT, _I8, _I8, *_FOUND, *_NAME_TABLE))
def reading(
    text: NDArray[np.uint8],
    p: int,
    stop: int,
    channels: NDArray[np.int64],
    numbers: NDArray[np.float64],
    arena: NDArray[np.uint8],
    ends: NDArray[np.int64],
    slots: NDArray[np.int32],
) -> tuple[int, int, int, int, int, int]:
    """A line: where it ends, where its device's id begins and ends, its time, its label, its number of channels."""
    unusual = (UNUSUAL, 0, 0, 0, 0, 0)
    first = p
    id_start, id_stop, time, truth, count = 0, 0, 0, NO_LABEL, 0
    seen = 0
    p = expect(text, p, stop, _OPEN)
    while p != UNUSUAL:
        p, field = field_name(text, p, stop)
        p = expect(text, p, stop, _COLON)
        if seen & field & ~OTHER:
            return unusual
        seen |= field
        if field == DEVICE_ID:
            id_start = p + 1
            p = string(text, p, stop)
            id_stop = p - 1
        elif field == DATA:
            p, count = measurements(text, p, stop, channels, numbers, arena, ends, slots)
        elif field == TIMESTAMP:
            p, time = moment(text, p, stop)
        elif field == LABEL:
            p, truth = label(text, p, stop, NO_LABEL)
        else:
            p = scalar(text, p, stop)
        p = skip_space(text, p, stop)
        if 0 <= p < stop and text[p] == _CLOSE:
            break
        p = expect(text, p, stop, _COMMA)
    if p == UNUSUAL or seen & REQUIRED != REQUIRED or not 1 <= id_stop - id_start <= LONGEST_NAME:
        return unusual
    p = skip_space(text, p + 1, stop)
    if p - first > LONGEST_LINE or (p < stop and text[p] != NEWLINE):
        return unusual
    return p, id_start, id_stop, time, truth, count


@njit_uncounted(
    types.UniTuple(_I8, 3)(
        TEXT, types.int64[::1], _I8,  # messages
        types.int32[::1], types.int64[::1], types.float64[:, ::1], types.int8[::1], _I8,  # readings
        *TABLE, types.int16[::1], types.int16[:, ::1],  # devices
        *_NAME_TABLE, *_FOUND,  # channels
        types.int64[:, ::1],  # left over
    )
)  # fmt: skip
def scan(
    text: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    first: int,
    rows: NDArray[np.int32],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    labels: NDArray[np.int8],
    place: int,
    arena: NDArray[np.uint8],
    ends: NDArray[np.int64],
    slots: NDArray[np.int32],
    count: NDArray[np.int64],
    kinds: NDArray[np.int16],
    columns: NDArray[np.int16],
    name_arena: NDArray[np.uint8],
    name_ends: NDArray[np.int64],
    name_slots: NDArray[np.int32],
    channels: NDArray[np.int64],
    numbers: NDArray[np.float64],
    left: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Write the readings of the messages from ``first`` on into the columns from ``place`` on.

    Message m is ``text[bounds[m]:bounds[m + 1]]``. Kind k has channel c in column ``columns[k, c]``, -1 if not at all.
    Devices that are new enter the table, in order.

    A message that is not plain throughout is noted in ``left``, with the first of the places kept for its lines; their
    rows are EMPTY. Returns the next message, the next place, and how many messages are left. It stops early where the
    table or ``left`` is full, and at a new device behind messages that are left, for theirs come first.
    """
    waiting = 0
    for m in range(first, len(bounds) - 1):
        if waiting == len(left):
            return m, place, waiting
        p, stop, begin = bounds[m], bounds[m + 1], place
        while 0 <= p < stop:
            p, start, end, time, truth, measured = reading(
                text, p, stop, channels, numbers, name_arena, name_ends, name_slots
            )
            if p == UNUSUAL:
                break
            row = int(slots[slot_of(text, start, end, arena, ends, slots)])
            if row == EMPTY:
                if measured != 1 or channels[0] != 0:
                    p = UNUSUAL
                    break
                row = FULL if waiting else intern(text, start, end, arena, ends, slots, count)
                if row == FULL:
                    return m, begin, waiting
            for column in range(values.shape[1]):
                values[place, column] = np.nan
            kind = kinds[row] if row < len(kinds) else 0
            for k in range(measured):
                column = columns[kind, channels[k]]
                if column < 0 or not np.isnan(values[place, column]):
                    p = UNUSUAL
                    break
                values[place, column] = numbers[k]
            if p == UNUSUAL:
                break
            rows[place], times[place], labels[place] = row, time, truth
            place += 1
            p += 1
        if p == UNUSUAL or place == begin:
            left[waiting, 0], left[waiting, 1] = m, begin
            waiting += 1
            lines = 1
            for q in range(bounds[m], stop - 1):
                lines += text[q] == NEWLINE
            place = begin + lines
            rows[begin:place] = EMPTY
    return len(bounds) - 1, place, waiting
