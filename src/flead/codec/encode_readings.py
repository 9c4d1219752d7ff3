"""Readings in columns to messages: the inverse of :mod:`flead.codec.decode`, without a Python object a reading.

A number is written as the decimal with the fewest places that is read as the same double. It is found by trying: with
k places it is m = round(x * 10^k), and m < 2^53 and 10^k, k <= 22, are doubles, so that their quotient is the one
nearest to the decimal (Clinger 1990, as in :mod:`flead.codec.decimals`). What takes more digits is written by Python.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.columns import Batch, Channels, Devices
from flead.records import DEFAULT_CHANNEL, NO_LABEL

MOST_PLACES = 22
UNUSUAL = -1
ABSENT = -2
"""Instead of a number of decimal places: Python writes it; the reading has no such channel."""

_TENS: NDArray[np.float64] = np.array([float(10**k) for k in range(MOST_PLACES + 1)])
_LONGEST = float(1 << 53)
_TIME: NDArray[np.uint8] = np.frombuffer(b',"timestamp":"', np.uint8)
_LABEL: NDArray[np.uint8] = np.frombuffer(b',"label":', np.uint8)
_LONGEST_TAIL = len('{},"timestamp":"2025-11-07T15:22:31.000Z","label":0}\n')
_LONGEST_NUMBER = 2 + MOST_PLACES + 2
"""A sign, a zero and a point, the digits; Python's longest is -2.2250738585072014e-308."""

_BYTES = types.uint8[::1]
_TEXT = types.Array(types.uint8, 1, "C", readonly=True)
_I8 = types.int64


@njit(types.void(types.float64[:, ::1], types.int64[:, ::1], types.int8[:, ::1]), cache=True, nogil=True)
def as_decimals(values: NDArray[np.float64], digits: NDArray[np.int64], places: NDArray[np.int8]) -> None:
    """The digits of |value| as a whole number, and how many of them are behind the point; all (N, C)."""
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            x = abs(values[i, j])
            places[i, j] = ABSENT if np.isnan(x) else UNUSUAL
            if x == 0.0 and np.signbit(values[i, j]):
                continue
            for k in range(MOST_PLACES + 1):
                m = np.rint(x * _TENS[k])
                if not m < _LONGEST:  # infinite, or absent, too
                    break
                if m / _TENS[k] == x:
                    digits[i, j], places[i, j] = np.int64(m), k
                    break


@njit(_I8(_BYTES, _I8, _TEXT, _I8, _I8), cache=True, nogil=True, inline="always")
def put(out: NDArray[np.uint8], p: int, text: NDArray[np.uint8], start: int, stop: int) -> int:
    """Copy ``text[start:stop]`` to ``out[p:]``; returns the place behind it."""
    for i in range(start, stop):
        out[p] = text[i]
        p += 1
    return p


@njit(_I8(_BYTES, _I8, _I8, _I8), cache=True, nogil=True, inline="always")
def put_padded(out: NDArray[np.uint8], p: int, number: int, width: int) -> int:
    """A number of so many digits, zeros in front."""
    for i in range(width - 1, -1, -1):
        out[p + i] = 48 + number % 10
        number //= 10
    return p + width


@njit(_I8(_BYTES, _I8, _I8, _I8), cache=True, nogil=True)
def put_decimal(out: NDArray[np.uint8], p: int, digits: int, places: int) -> int:
    """Digits / 10^places."""
    width, rest = 1, digits // 10
    while rest > 0:
        width += 1
        rest //= 10
    width = max(width, places + 1)
    if places == 0:
        return put_padded(out, p, digits, width)
    p = put_padded(out, p, digits, width)
    for i in range(places):
        out[p - i] = out[p - i - 1]
    out[p - places] = 46
    return p + 1


@njit(_I8(_BYTES, _I8, _I8), cache=True, nogil=True)
def put_time(out: NDArray[np.uint8], p: int, milliseconds: int) -> int:
    """ISO 8601 in UTC (Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days); years 0 to 9999."""
    days, rest = milliseconds // 86_400_000, milliseconds % 86_400_000
    days += 719_468
    century_4, day = days // 146_097, days % 146_097
    year_of = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year_of + year_of // 4 - year_of // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    month = month + 3 if month < 10 else month - 9
    p = put_padded(out, p, year_of + 400 * century_4 + (month <= 2), 4)
    for separator, number, width in (
        (45, month, 2), (45, day, 2), (84, rest // 3_600_000, 2), (58, rest // 60_000 % 60, 2),
        (58, rest // 1000 % 60, 2), (46, rest % 1000, 3),
    ):  # fmt: skip
        out[p] = separator
        p = put_padded(out, p + 1, number, width)
    out[p] = 90
    return p + 1


@njit(
    types.void(
        types.int32[::1], types.int64[::1], types.float64[:, ::1], types.int8[::1],
        types.int64[:, ::1], types.int8[:, ::1], _TEXT, _I8[::1],
        types.int16[::1], types.boolean[::1], _TEXT, _I8[::1], _TEXT, _I8[:, ::1], _BYTES, _I8[::1],
    ),
    cache=True, nogil=True,
)  # fmt: skip
def write(
    rows: NDArray[np.int32],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    labels: NDArray[np.int8],
    digits: NDArray[np.int64],
    places: NDArray[np.int8],
    unusual: NDArray[np.uint8],
    unusual_ends: NDArray[np.int64],
    kind_of_row: NDArray[np.int16],
    bare: NDArray[np.bool_],
    heads: NDArray[np.uint8],
    head_ends: NDArray[np.int64],
    names: NDArray[np.uint8],
    name_ends: NDArray[np.int64],
    out: NDArray[np.uint8],
    bounds: NDArray[np.int64],
) -> None:
    """Write N readings to ``out``, each ending in a newline; reading i is ``out[bounds[i]:bounds[i + 1]]``.

    Of a device ``heads`` is what its messages begin with. Of a kind ``bare`` says that its only channel goes without a
    name, ``names`` how the others are written. ``unusual`` are the numbers that Python has written, in their order.
    """
    p = taken = 0
    bounds[0] = 0
    for i in range(len(rows)):
        row = rows[i]
        kind = kind_of_row[row]
        p = put(out, p, heads, head_ends[row], head_ends[row + 1])
        if not bare[kind]:
            out[p] = 123
            p += 1
        first = True
        for j in range(values.shape[1]):
            if places[i, j] == ABSENT:
                continue
            if not bare[kind]:
                if not first:
                    out[p] = 44
                    p += 1
                p = put(out, p, names, name_ends[kind, j], name_ends[kind, j + 1])
            first = False
            if places[i, j] == UNUSUAL:
                p = put(out, p, unusual, unusual_ends[taken], unusual_ends[taken + 1])
                taken += 1
            else:
                if values[i, j] < 0:
                    out[p] = 45
                    p += 1
                p = put_decimal(out, p, digits[i, j], places[i, j])
        if not bare[kind]:
            out[p] = 125
            p += 1
        p = put(out, p, _TIME, 0, len(_TIME))
        p = put_time(out, p, times[i])
        out[p] = 34
        p += 1
        if labels[i] != NO_LABEL:
            p = put(out, p, _LABEL, 0, len(_LABEL))
            out[p] = 48 + labels[i]
            p += 1
        out[p] = 125
        out[p + 1] = 10
        p += 2
        bounds[i + 1] = p


class ReadingEncoder:
    r"""Writes the readings of one table of devices; its times are of the years 1 to 9999.

    >>> devices = Devices()
    >>> rows = devices.add(["pump_1"], ("pressure", "flow"))
    >>> values = np.array([[1.2, 32.0], [np.nan, -1e-30]])
    >>> batch = Batch(rows.repeat(2), np.array([1762528951000, 0]), values, np.array([NO_LABEL, 1], np.int8))
    >>> text, bounds = ReadingEncoder(devices).lines(batch)
    >>> text.splitlines()[0]
    b'{"device_id":"pump_1","data":{"pressure":1.2,"flow":32},"timestamp":"2025-11-07T15:22:31.000Z"}'
    >>> text[bounds[1] : bounds[2]]
    b'{"device_id":"pump_1","data":{"flow":-1e-30},"timestamp":"1970-01-01T00:00:00.000Z","label":1}\n'
    """

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self._heads = _Words()
        self._known_kinds = 0
        self._longest_names = 0

    def lines(self, batch: Batch) -> tuple[bytes, NDArray[np.int64]]:
        """The readings, a line each, and the bounds of the lines, (N + 1,)."""
        self._learn()
        batch = batch._replace(values=np.ascontiguousarray(batch.values))
        digits, places = np.zeros(batch.values.shape, np.int64), np.empty(batch.values.shape, np.int8)
        as_decimals(batch.values, digits, places)
        unusual = _Words()
        unusual.add([repr(number).encode() for number in batch.values[places == UNUSUAL].tolist()])
        out = np.empty(self._room(batch), np.uint8)
        bounds = np.empty(batch.size + 1, np.int64)
        write(
            *batch, digits, places, *unusual.arrays(), self._devices.kind, self._bare, *self._heads.arrays(),
            self._names, self._name_ends, out, bounds,
        )  # fmt: skip
        return out[: bounds[-1]].tobytes(), bounds

    def _learn(self) -> None:
        """See the devices, and their kinds, that are new."""
        devices, known = self._devices, len(self._heads)
        if known < len(devices):
            ids = devices.texts(np.arange(known, len(devices), dtype=np.int32))
            self._heads.add([b'{"device_id":' + msgspec.json.encode(device) + b',"data":' for device in ids])
        if self._known_kinds < len(devices.kinds):
            self._known_kinds = len(devices.kinds)
            self._learn_kinds(devices.kinds)

    def _learn_kinds(self, kinds: Sequence[Channels]) -> None:
        self._bare = np.array([kind == (DEFAULT_CHANNEL,) for kind in kinds])
        names = [[msgspec.json.encode(channel) + b":" for channel in kind] for kind in kinds]
        self._names = np.frombuffer(b"".join(name for kind in names for name in kind), np.uint8)
        self._name_ends = np.zeros((len(kinds), self._devices.width + 1), np.int64)
        start = 0
        for number, kind in enumerate(names):
            ends = start + np.cumsum([0, *map(len, kind)])
            self._name_ends[number, : len(ends)] = ends
            start = ends[-1]
        self._longest_names = max(len(channel) + 1 for kind in names for channel in kind)

    def _room(self, batch: Batch) -> int:
        """Bytes that these readings take at most."""
        ends = self._heads.arrays()[1]
        heads = int((ends[batch.rows.astype(np.int64) + 1] - ends[batch.rows]).sum())
        channels = batch.values.shape[1] * (self._longest_names + _LONGEST_NUMBER)
        return int(heads + batch.size * (channels + _LONGEST_TAIL))


class _Words:
    """Words one behind the other: word i is ``text[ends[i]:ends[i + 1]]``. It only grows."""

    def __init__(self) -> None:
        self._text = b""
        self._ends = np.zeros(1, np.int64)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, words: Sequence[bytes]) -> None:
        """More words behind those that are there."""
        self._ends = np.concatenate(
            [self._ends, self._ends[-1] + np.cumsum([len(word) for word in words], dtype=np.int64)]
        )
        self._text += b"".join(words)

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The text and the ends."""
        return np.frombuffer(self._text, np.uint8), self._ends
