"""Chance without state: a random number is a function of what it is for.

Any number can be had without those before it, so a stream made of them can begin anywhere.
"""

import math

import numpy as np
from numba import njit, types

Count = int | np.int64

STEP = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: counters a multiple of it apart give unrelated hashes."""


@njit(types.uint64(types.uint64), cache=True, nogil=True, inline="always")
def mix(counter: np.uint64) -> np.uint64:
    """The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    z = (counter ^ (counter >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(types.uint64(types.uint64, types.int64), cache=True, nogil=True, inline="always")
def draw(key: np.uint64, counter: Count) -> np.uint64:
    """Random number ``counter`` of those that belong to ``key``: 64 bits."""
    return mix(key + np.uint64(counter) * STEP)


@njit(types.float64(types.uint64), cache=True, nogil=True, inline="always")
def uniform(bits: np.uint64) -> float:
    """0 < u < 1 from the upper 52 bits: with one more, the greatest would be rounded to 1."""
    return (float(bits >> np.uint64(12)) + 0.5) * 2.0**-52


@njit(types.float64(types.uint64), cache=True, nogil=True)
def normal(bits: np.uint64) -> float:
    """A standard normal number: the inverse of its distribution at a uniform one.

    Rational approximations of relative error below 1.15e-9 (P. J. Acklam, An algorithm for computing the inverse
    normal cumulative distribution function, 2003).
    """
    u = uniform(bits)
    tail = min(u, 1.0 - u)
    if tail < 0.02425:
        q = math.sqrt(-2.0 * math.log(tail))
        top = -7.784894002430293e-03 * q - 3.223964580411365e-01
        top = ((top * q - 2.400758277161838e00) * q - 2.549732539343734e00) * q + 4.374664141464968e00
        top = top * q + 2.938163982698783e00
        low = (7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e00
        low = (low * q + 3.754408661907416e00) * q + 1.0
        return top / low if u < 0.5 else -top / low
    q = u - 0.5
    r = q * q
    top = (-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02
    top = ((top * r + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239e00
    low = (-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02
    low = ((low * r + 6.680131188771972e01) * r - 1.328068155288572e01) * r + 1.0
    return top * q / low


@njit(types.float64(types.uint64, types.int64, types.int64), cache=True, nogil=True, inline="always")
def wander(key: np.uint64, counter: Count, every: int) -> float:
    """-1 to 1, wandering smoothly: a random number at every ``every``-th count, cubic steps between them."""
    knot = counter // every
    part = float(counter - knot * every) / every
    part = part * part * (3.0 - 2.0 * part)
    before = 2.0 * uniform(draw(key, knot)) - 1.0
    after = 2.0 * uniform(draw(key, knot + 1)) - 1.0
    return before + (after - before) * part
