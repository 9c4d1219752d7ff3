"""Decimal numbers to the nearest double, as ``float`` does it, in a kernel.

m * 10^q is exact in two ways. Small numbers are one exact division or multiplication (Clinger 1990, "How to
Read Floating Point Numbers Accurately"). For the others 10^q is kept as 128 bits, and the high bits of their
product with m are the rounded result (Lemire 2021, "Number Parsing at a Gigabyte per Second"; Mushtak, Lemire
2023, "Fast Number Parsing Without Fallback", for the proof that 128 bits always suffice).
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from flead.codec.uncounted import njit_uncounted

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
_SMALLEST = -330
_TWOS: NDArray[np.float64] = np.array([2.0**k for k in range(_SMALLEST, 400)])

_U8 = types.uint64


@njit_uncounted(types.UniTuple(_U8, 2)(_U8, _U8))
def multiply(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The high and the low 64 bits of a product."""
    a_low, a_high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    low = a_low * b_low
    middle = a_high * b_low + (low >> _HALF)
    other = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _HALF) + (other >> _HALF), (other << _HALF) | (low & _LOW)


@njit_uncounted(types.float64(types.int64, types.int64))
def nearest(digits: int, q: int) -> float:
    """``digits`` * 10^q to the nearest double, ties to even; ``digits`` >= 0, ``LOWEST`` <= q <= ``HIGHEST``.

    >>> nearest(1, -1), nearest(30000000000000004, -17) == 0.1 + 0.2
    (0.1, True)
    """
    if digits <= _LONGEST and -_EXACT <= q <= _EXACT:
        return digits / float(_TENS[-q]) if q < 0 else digits * float(_TENS[q])

    bits = np.uint64(digits)
    zeros = 0
    step = 32
    while step > 0:
        if bits >> np.uint64(64 - step) == 0:
            bits <<= np.uint64(step)
            zeros += step
        step >>= 1
    high, low = multiply(bits, _POWERS[q - LOWEST, 0])
    if high & np.uint64(0x1FF) == 0x1FF:
        more, _ = multiply(bits, _POWERS[q - LOWEST, 1])
        low += more
        high += np.uint64(low < more)
    top = high >> np.uint64(63)
    shift = top + np.uint64(9)
    mantissa = high >> shift  # 54 bits: one more than a double's, to round by
    exponent = ((217706 * q) >> 16) + 63 + int(top) - zeros - 52  # 217706 / 2^16 is log2(10)
    # Halfway between two doubles is possible for these powers alone, and then rounds to even.
    if low <= 1 and -4 <= q <= 23 and mantissa & np.uint64(3) == 1 and mantissa << shift == high:
        mantissa -= _ONE
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    return float(mantissa) * float(_TWOS[exponent - _SMALLEST])
