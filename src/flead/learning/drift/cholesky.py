"""Small symmetric systems: solved and inverted by Cholesky's decomposition, in place, without LAPACK."""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_F2 = types.float64[:, ::1]


@njit(types.boolean(_F2), cache=True, nogil=True)
def decompose(matrix: NDArray[np.float64]) -> bool:
    """Replace the lower triangle of a symmetric (n, n) matrix by L, with L L' the matrix; False if it has none.

    Golub, Van Loan, "Matrix Computations", 4th edition, algorithm 4.2.1. Only the lower triangle is read.
    """
    for i in range(len(matrix)):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i > j:
                matrix[i, j] = total / matrix[j, j]
            elif total > 0.0 and total < math.inf:
                matrix[i, i] = math.sqrt(total)
            else:
                return False
    return True


@njit(types.void(_F2, _F2), cache=True, nogil=True)
def solve(lower: NDArray[np.float64], right: NDArray[np.float64]) -> None:
    """Replace every column b of the (n, m) right side by x with L L' x = b."""
    count = len(lower)
    for column in range(right.shape[1]):
        for i in range(count):
            for k in range(i):
                right[i, column] -= lower[i, k] * right[k, column]
            right[i, column] /= lower[i, i]
        for i in range(count - 1, -1, -1):
            for k in range(i + 1, count):
                right[i, column] -= lower[k, i] * right[k, column]
            right[i, column] /= lower[i, i]
