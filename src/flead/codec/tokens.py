"""The pieces of a JSON reading, recognised in place.

A function takes the position of its piece in ``text``, reads no further than ``stop``, and returns the position
after it, or ``UNUSUAL`` where the piece is not of the plain form described; ``UNUSUAL`` in, ``UNUSUAL`` out. What
is unusual may be right or wrong: :mod:`flead.codec.strict` decides.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from flead.codec.decimals import HIGHEST, LOWEST, nearest
from flead.codec.uncounted import njit_uncounted
from flead.idtable import TEXT
from flead.records import LARGEST

UNUSUAL = -1
NEWLINE = ord("\n")

_SPACE, _TAB, _RETURN, _QUOTE, _BACKSLASH = (ord(c) for c in ' \t\r"\\')
_PLUS, _MINUS, _POINT, _ZERO, _NINE, _COLON = (ord(c) for c in "+-.09:")
_BIG_E, _SMALL_E, _BIG_T, _BIG_Z = (ord(c) for c in "EeTZ")
_NULL, _TRUE, _FALSE = (np.frombuffer(word, np.uint8) for word in (b"null", b"true", b"false"))
_MOST_DIGITS = 18  # 10^18 < 2^63; a double never needs more than 17
_MONTHS: NDArray[np.int64] = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

_I8, _F8 = types.int64, types.float64


@njit_uncounted(_I8(TEXT, _I8, _I8))
def skip_space(text: NDArray[np.uint8], p: int, stop: int) -> int:
    """Past spaces, tabs and carriage returns, if any."""
    while 0 <= p < stop and (text[p] == _SPACE or text[p] == _TAB or text[p] == _RETURN):
        p += 1
    return p


@njit_uncounted(_I8(TEXT, _I8, _I8, _I8))
def expect(text: NDArray[np.uint8], p: int, stop: int, character: int) -> int:
    """One character, and the space on both sides of it."""
    p = skip_space(text, p, stop)
    if not 0 <= p < stop or text[p] != character:
        return UNUSUAL
    return skip_space(text, p + 1, stop)


@njit_uncounted(_I8(TEXT, _I8, _I8, TEXT))
def word(text: NDArray[np.uint8], p: int, stop: int, expected: NDArray[np.uint8]) -> int:
    """So many characters, all of them as expected."""
    if p < 0 or p + len(expected) > stop:
        return UNUSUAL
    for i in range(len(expected)):
        if text[p + i] != expected[i]:
            return UNUSUAL
    return p + len(expected)


@njit_uncounted(_I8(TEXT, _I8, _I8))
def string(text: NDArray[np.uint8], p: int, stop: int) -> int:
    """A string of printable ASCII without escapes, in its quotes."""
    if not 0 <= p < stop or text[p] != _QUOTE:
        return UNUSUAL
    for q in range(p + 1, stop):
        character = text[q]
        if character == _QUOTE:
            return q + 1
        if character < 0x20 or character > 0x7E or character == _BACKSLASH:
            break
    return UNUSUAL


@njit_uncounted(types.UniTuple(_I8, 2)(TEXT, _I8, _I8, _I8))
def digits(text: NDArray[np.uint8], p: int, stop: int, before: int) -> tuple[int, int]:
    """Past the digits, if any, and the number that they make behind those read before; it may have overflowed."""
    while p < stop and _ZERO <= text[p] <= _NINE:
        before = 10 * before + int(text[p] - _ZERO)
        p += 1
    return p, before


@njit_uncounted(types.Tuple((_I8, _F8))(TEXT, _I8, _I8))
def number(text: NDArray[np.uint8], p: int, stop: int) -> tuple[int, float]:
    """A JSON number of at most 18 significant digits and no more than ``LARGEST``, and its value."""
    unusual = (UNUSUAL, 0.0)
    if not 0 <= p < stop:
        return unusual
    negative = text[p] == _MINUS
    start = p + negative
    p, mantissa = digits(text, start, stop, 0)
    count = p - start
    if count == 0 or (count > 1 and text[start] == _ZERO):
        return unusual
    exponent = 0
    if p < stop and text[p] == _POINT:
        first = p + 1
        p, mantissa = digits(text, first, stop, mantissa)
        exponent = first - p
        count -= exponent
        if exponent == 0:
            return unusual
    while count > _MOST_DIGITS and (text[start] == _ZERO or text[start] == _POINT):
        count -= text[start] == _ZERO
        start += 1
    if p < stop and (text[p] == _SMALL_E or text[p] == _BIG_E):
        sign = 1
        first = p + 1
        if first < stop and (text[first] == _PLUS or text[first] == _MINUS):
            sign = -1 if text[first] == _MINUS else 1
            first += 1
        p, power = digits(text, first, stop, 0)
        if not first < p <= first + 4:
            return unusual
        exponent += sign * power
    # Of minus zero the sign depends on how it is written.
    if count > _MOST_DIGITS or not LOWEST <= exponent <= HIGHEST or (negative and mantissa == 0):
        return unusual
    value = nearest(mantissa, exponent)
    if value > LARGEST:
        return unusual
    return p, -value if negative else value


@njit_uncounted(_I8(TEXT, _I8, _I8))
def scalar(text: NDArray[np.uint8], p: int, stop: int) -> int:
    """A string, a number, true, false or null, whatever it says."""
    if not 0 <= p < stop:
        return UNUSUAL
    character = text[p]
    if character == _QUOTE:
        return string(text, p, stop)
    if character == _NULL[0]:
        return word(text, p, stop, _NULL)
    if character == _TRUE[0]:
        return word(text, p, stop, _TRUE)
    if character == _FALSE[0]:
        return word(text, p, stop, _FALSE)
    p, _ = number(text, p, stop)
    return p


@njit_uncounted(types.UniTuple(_I8, 2)(TEXT, _I8, _I8, _I8))
def label(text: NDArray[np.uint8], p: int, stop: int, none: int) -> tuple[int, int]:
    """0, 1, or null, which means ``none``."""
    if 0 <= p < stop and (text[p] == _ZERO or text[p] == _ZERO + 1):
        return p + 1, int(text[p] - _ZERO)
    return word(text, p, stop, _NULL), none


@njit_uncounted(_I8(TEXT, _I8, _I8))
def _figure(text: NDArray[np.uint8], p: int, count: int) -> int:
    """The number that these digits make; far below zero if one of them is none."""
    result = 0
    for i in range(p, p + count):
        digit = int(text[i] - _ZERO)
        if digit < 0 or digit > 9:
            return -(10**6)
        result = 10 * result + digit
    return result


@njit_uncounted(_I8(_I8, _I8, _I8))
def days_since_epoch(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date (Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil)."""
    # The year begins in March, so that the leap day is its last.
    year -= month <= 2
    century = year // 100
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - century + century // 4 + day_of_year - 719_468


@njit_uncounted(types.UniTuple(_I8, 2)(TEXT, _I8, _I8))
def moment(text: NDArray[np.uint8], p: int, stop: int) -> tuple[int, int]:
    """A string that is an ISO 8601 time of the years 1971 to 2260, and its milliseconds since the epoch.

    The plain form is ``2025-11-07T15:22:31``, then up to 9 decimals or none, then Z, an offset or nothing.
    """
    unusual = (UNUSUAL, 0)
    if p < 0 or p + 21 > stop or text[p] != _QUOTE:
        return unusual
    year, month, day = _figure(text, p + 1, 4), _figure(text, p + 6, 2), _figure(text, p + 9, 2)
    hour, minute, second = _figure(text, p + 12, 2), _figure(text, p + 15, 2), _figure(text, p + 18, 2)
    if (
        text[p + 5] != _MINUS
        or text[p + 8] != _MINUS
        or (text[p + 11] != _BIG_T and text[p + 11] != _SPACE)
        or text[p + 14] != _COLON
        or text[p + 17] != _COLON
        or not 1970 < year < 2261
        or not 1 <= month <= 12
        or not 1 <= day <= _MONTHS[month - 1] + (month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
        or not 0 <= hour < 24
        or not 0 <= minute < 60
        or not 0 <= second < 60
    ):
        return unusual
    time = 1000 * (86_400 * days_since_epoch(year, month, day) + 3600 * hour + 60 * minute + second)
    p += 20
    if text[p] == _POINT:
        first = p + 1
        p, fraction = digits(text, first, stop, 0)
        if not first < p <= first + 9:
            return unusual
        for _ in range(p - first, 3):
            fraction *= 10
        for _ in range(3, p - first):
            fraction //= 10
        time += fraction
    if p < stop and text[p] == _BIG_Z:
        p += 1
    elif p + 6 <= stop and (text[p] == _PLUS or text[p] == _MINUS):
        hour, minute = _figure(text, p + 1, 2), _figure(text, p + 4, 2)
        if text[p + 3] != _COLON or not 0 <= hour < 24 or not 0 <= minute < 60:
            return unusual
        offset = 60_000 * (60 * hour + minute)
        time += offset if text[p] == _MINUS else -offset
        p += 6
    if p >= stop or text[p] != _QUOTE:
        return unusual
    return p + 1, time
