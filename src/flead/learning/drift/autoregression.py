"""A vector autoregression of order 1 from moments, which add up over devices.

With F = [z(t-1), 1] and Y = z(t), the moments are the means of F F', F Y' and Y Y':

    W = (A + I)^-1 B,    R = (C - W'B - B'W + W'AW) / n, its off-diagonal elements times 1 - SHRINKAGE

(Litterman, "Forecasting with Bayesian Vector Autoregressions", 1986, is the classic of shrinking such models.)
"""

from flead.learning.drift.cholesky import decompose, solve
from flead.learning.kernels import Float64x1, Float64x2, ReadOnlyFloat64x1, kernel

SHRINKAGE = 0.05
"""How much smaller the off-diagonal elements of R are made: of a short record they are mostly noise."""

SMALLEST = 1e-3
"""Smallest variance of an error, for rows that hardly move."""


@kernel
def moments(z: Float64x2, count: int, out: Float64x1) -> None:
    """Write the means of F F', F Y' and Y Y' over the first ``count`` rows of z (T, c), packed as in :func:`unpack`."""
    size, pairs, at = z.shape[1], max(count - 1, 1), 0
    for first in range(2):  # of the rows that come before another; of those that come after one
        for j in range(size):
            for k in range(j + 1):
                total = 0.0
                for t in range(1, count):
                    total += z[t - 1 + first, j] * z[t - 1 + first, k]
                out[at] = total / pairs
                at += 1
    for j in range(size):
        total = 0.0
        for t in range(1, count):
            total += z[t - 1, j]
        out[at] = total / pairs
        at += 1
    for j in range(size + 1):
        for k in range(size):
            total = 0.0
            for t in range(1, count):
                total += (z[t - 1, j] if j < size else 1.0) * z[t, k]
            out[at] = total / pairs
            at += 1


@kernel
def unpack(packed: ReadOnlyFloat64x1, weight: float, a: Float64x2, b: Float64x2, c: Float64x2) -> None:
    """Add packed moments, times a weight, to A (c + 1, c + 1), B (c + 1, c) and C (c, c).

    Packed are, in this order: the lower triangles of the z(t-1) z(t-1)' part of A and of C, row by row, the last row of
    A but for its 1, and B row by row; c (c + 1) + c (c + 2) numbers in all.
    """
    size, at = len(c), 0
    for first in range(2):
        for j in range(size):
            for k in range(j + 1):
                if first == 0:
                    a[j, k] += weight * packed[at]
                    a[k, j] = a[j, k]
                else:
                    c[j, k] += weight * packed[at]
                    c[k, j] = c[j, k]
                at += 1
    for j in range(size):
        a[size, j] += weight * packed[at]
        a[j, size] = a[size, j]
        at += 1
    a[size, size] += weight
    for j in range(size + 1):
        for k in range(size):
            b[j, k] += weight * packed[at]
            at += 1


@kernel
def autoregression(a: Float64x2, b: Float64x2, c: Float64x2, w: Float64x2, r: Float64x2) -> bool:
    """Write W (c + 1, c) and R (c, c), made of the sums A, B and C; False if no data can have such moments."""
    size, count = len(c), a[len(c), len(c)]
    lower = a.copy()
    for j in range(size + 1):
        lower[j, j] += 1.0
        for k in range(size):
            w[j, k] = b[j, k]
    if not decompose(lower):
        return False
    solve(lower, w)
    for j in range(size):
        for k in range(size):
            total = c[j, k]
            for i in range(size + 1):
                total -= w[i, j] * b[i, k] + b[i, j] * w[i, k]
                for m in range(size + 1):
                    total += w[i, j] * a[i, m] * w[m, k]
            r[j, k] = total / count * (1.0 if j == k else 1.0 - SHRINKAGE)
        r[j, j] = max(r[j, j], SMALLEST)
    return True
