"""Small symmetric systems, solved and inverted in place by Cholesky decomposition, without LAPACK."""

import math

from flead.learning.kernels import Float64x2, kernel


@kernel
def decompose(matrix: Float64x2) -> bool:
    """Replace the lower triangle of a symmetric (n, n) matrix by its factor L, L L' being the matrix.

    False, with the matrix half replaced, if it is not positive definite.

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


@kernel
def solve(lower: Float64x2, right: Float64x2) -> None:
    """Replace each column b of the (n, m) right-hand side by the x that solves L L' x = b, L (n, n) from above."""
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
