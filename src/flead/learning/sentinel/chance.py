"""Chance without state: a random number is a function of what it is for, and so the same however a stream is cut."""

import math

import numpy as np
from numba import njit, types

STEP = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio."""


@njit(types.uint64(types.uint64), cache=True, nogil=True, inline="always")
def mix(counter: np.uint64) -> np.uint64:
    """The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    z = (counter ^ (counter >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(types.float64(types.float64, types.float64), cache=True, nogil=True)
def seed_of(seed: float, value: float) -> float:
    """A device's seed, a whole number below 2^53, from the one so far and one of its first reading's values.

    So a device has the same wherever it is: it depends on no row, no shard and no clock.
    """
    return float(mix((np.uint64(np.float64(value).view(np.int64)) + np.uint64(seed)) * STEP) >> np.uint64(11))


@njit(types.float64(types.float64, types.float64, types.intp), cache=True, nogil=True)
def uniform(seed: float, number: float, purpose: int) -> float:
    """0 < u < 1 for a device's reading of this number."""
    key = mix(np.uint64(seed) + np.uint64(number) * STEP)
    return (float(mix(key + np.uint64(purpose) * STEP) >> np.uint64(12)) + 0.5) * 2.0**-52


@njit(types.float64(types.float64, types.float64), cache=True, nogil=True)
def bell(seed: float, number: float) -> float:
    """About normal, with mean 0 and variance 1: the sum of four uniform numbers, which needs no logarithm."""
    total = 0.0
    for purpose in range(4):
        total += uniform(seed, number, 16 + purpose)
    return (total - 2.0) * math.sqrt(3.0)
