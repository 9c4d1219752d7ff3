"""A round's updates as rows of one matrix: what the robust strategies work on."""

from collections.abc import Sequence

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.learner import Parameters, unflatten
from flead.learning.strategies.strategy import Contribution

LARGEST = 1e100
"""The magnitude up to which a number is a parameter: squares of larger ones overflow."""


@njit(types.boolean(types.Array(types.float64, 1, "C", readonly=True)), cache=True, nogil=True)
def within(numbers: NDArray[np.float64]) -> bool:
    """Whether all numbers are finite and within ``LARGEST``. Counted to the end, for that takes vector instructions."""
    fit = 0
    for i in range(len(numbers)):
        fit += abs(numbers[i]) <= LARGEST
    return fit == len(numbers)


def usable(updates: Sequence[Contribution]) -> list[bool]:
    """Which updates are finite and within ``LARGEST``; ValueError if none is.

    >>> usable([Contribution({"w": np.array([1.0])}, 1, 0), Contribution({"w": np.array([np.nan])}, 1, 0)])
    [True, False]
    """
    found = [all(within(array.ravel()) for array in update.parameters.values()) for update in updates]
    if not any(found):
        raise ValueError(f"none of the round's {len(updates)} updates is finite")
    return found


def rows(updates: Sequence[Contribution]) -> NDArray[np.float64]:
    """(n, P) the n usable updates, one a row, their arrays in order; ValueError if there is none."""
    arrays = [list(update.parameters.values()) for update in updates]
    matrix = np.empty((len(updates), sum(array.size for array in arrays[0])))
    for row, parts in zip(matrix, arrays, strict=True):
        start = 0
        for part in parts:
            row[start : start + part.size] = part.ravel()
            start += part.size
    if within(matrix.ravel()):
        return matrix
    return matrix[usable(updates)]


def named(flat: NDArray[np.float64], like: Contribution) -> Parameters:
    """(P,) numbers, in the order of :func:`rows`, as arrays with the names and shapes of an update's."""
    return unflatten(flat, {name: array.shape for name, array in like.parameters.items()})
