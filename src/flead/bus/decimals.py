"""Decimal numbers to the nearest double, as ``float`` does it, in a kernel.

m * 10^q is exact in two ways. Small numbers are one exact division or multiplication (Clinger 1990, "How to
Read Floating Point Numbers Accurately"). For the others 10^q is kept as 128 bits, and the high bits of their
product with m are the rounded result (Lemire 2021, "Number Parsing at a Gigabyte per Second"; Mushtak, Lemire
2023, "Fast Number Parsing Without Fallback", for the proof that 128 bits always suffice).
"""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

LOWEST, HIGHEST = -64, 100
"""The powers of ten that are covered: results are normal doubles, so that underflow needs no thought."""

_EXACT = 22  # 10^22 = 2^22 5^22 and 5^22 < 2^53
_LONGEST = 1 << 53
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)


def _power(q: int) -> tuple[int, int]:
    """The 128 bits of 10^q, as high and low half: normalised, and rounded down (up for q < 0)."""
    if q >= 0:
        digits = 5**q
        shift = 128 - digits.bit_length()
        bits = digits << shift if shift >= 0 else digits >> -shift
    else:
        bits = (1 << (128 + (5**-q).bit_length() - 1)) // 5**-q + 1
        bits >>= bits.bit_length() - 128
    return bits >> 64, bits & (1 << 64) - 1


_POWERS: NDArray[np.uint64] = np.array([_power(q) for q in range(LOWEST, HIGHEST + 1)], dtype=np.uint64)
_TENS: NDArray[np.float64] = np.array([float(10**q) for q in range(_EXACT + 1)])
_TWOS: NDArray[np.float64] = np.array([2.0**k for k in range(-330, 400)])

_U8 = types.uint64


@njit(types.UniTuple(_U8, 2)(_U8, _U8), cache=True, nogil=True, _nrt=False)
def multiply(a: int, b: int) -> tuple[int, int]:
    """The high and the low 64 bits of a product."""
    a_low, a_high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    low = a_low * b_low
    middle = a_high * b_low + (low >> _HALF)
    other = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _HALF) + (other >> _HALF), (other << _HALF) | (low & _LOW)


@njit(types.float64(_U8, types.int64), cache=True, nogil=True, _nrt=False)
def nearest(digits: int, q: int) -> float:
    """``digits`` * 10^q to the nearest double, ties to even, for ``LOWEST`` <= q <= ``HIGHEST``."""
    if digits <= np.uint64(_LONGEST) and -_EXACT <= q <= _EXACT:
        exact = np.float64(digits)
        return exact / _TENS[-q] if q < 0 else exact * _TENS[q]

    zeros = 0
    step = 32
    while step > 0:
        if digits >> np.uint64(64 - step) == np.uint64(0):
            digits <<= np.uint64(step)
            zeros += step
        step >>= 1
    high, low = multiply(digits, _POWERS[q - LOWEST, 0])
    if high & np.uint64(0x1FF) == np.uint64(0x1FF):
        more, _ = multiply(digits, _POWERS[q - LOWEST, 1])
        low += more
        high += np.uint64(low < more)
    top = high >> np.uint64(63)
    shift = top + np.uint64(9)
    mantissa = high >> shift  # 54 bits: one more than a double's, to round by
    exponent = ((217706 * q) >> 16) + np.int64(top) - zeros + 63  # 217706 / 2^16 is log2(10)
    # Halfway between two doubles is possible for these powers alone, and then rounds to even.
    if low <= _ONE and -4 <= q <= 23 and mantissa & np.uint64(3) == _ONE and mantissa << shift == high:
        mantissa -= _ONE
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    return np.float64(mantissa) * _TWOS[exponent - 52 + 330]
