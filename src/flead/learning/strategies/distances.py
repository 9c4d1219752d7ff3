"""Distances between updates, without a temporary array of their size."""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_F1, _F2 = types.float64[::1], types.float64[:, ::1]


@njit(types.float64(_F1, _F1), cache=True, nogil=True)
def squared_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """|a - b|^2 of two points of (P,).

    Four sums at once: a processor adds to one and the same only every fourth cycle.
    """
    s0 = s1 = s2 = s3 = 0.0
    whole = len(a) - len(a) % 4
    for i in range(0, whole, 4):
        s0 += (a[i] - b[i]) ** 2
        s1 += (a[i + 1] - b[i + 1]) ** 2
        s2 += (a[i + 2] - b[i + 2]) ** 2
        s3 += (a[i + 3] - b[i + 3]) ** 2
    for i in range(whole, len(a)):
        s0 += (a[i] - b[i]) ** 2
    return (s0 + s1) + (s2 + s3)


@njit(_F2(_F2), cache=True, nogil=True)
def squared_distances(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, n) the squared distances between the rows of an (n, P) matrix.

    By the differences: |a|^2 + |b|^2 - 2 a.b would lose the honest ones' to rounding beside a huge update.
    """
    count = len(matrix)
    result = np.zeros((count, count))
    for i in range(count):
        for j in range(i):
            result[i, j] = result[j, i] = squared_distance(matrix[i], matrix[j])
    return result


@njit(_F1(_F2, _F1), cache=True, nogil=True)
def distances(matrix: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the distances of the rows of an (n, P) matrix from a point of (P,)."""
    result = np.empty(len(matrix))
    for i in range(len(matrix)):
        result[i] = np.sqrt(squared_distance(matrix[i], point))
    return result
