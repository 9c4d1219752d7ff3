"""A vector autoregression of order 1 from moments, which add up over devices.

With F = [z(t-1), 1] and Y = z(t), the moments are the means of F F', F Y' and Y Y':

    W = (A + I)^-1 B,    R = (C - W'B - B'W + W'AW) / n, its off-diagonal elements times 1 - SHRINKAGE

(Litterman, "Forecasting with Bayesian Vector Autoregressions", 1986, is the classic of shrinking such models.)
"""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.learning.drift.cholesky import decompose, solve

SHRINKAGE = 0.05
SMALLEST = 1e-3
"""Smallest variance of an error: of rows that hardly move."""

_F1, _F2 = types.float64[::1], types.float64[:, ::1]
_IN = types.Array(types.float64, 1, "C", readonly=True)


@njit(types.void(_F2, types.intp, _F1), cache=True, nogil=True)
def moments(z: NDArray[np.float64], count: int, out: NDArray[np.float64]) -> None:
    """The means of F F' and F Y' and Y Y' over rows 1 to ``count`` of z (T, c), packed as :func:`unpack` reads them."""
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


@njit(types.void(_IN, types.float64, _F2, _F2, _F2), cache=True, nogil=True)
def unpack(
    packed: NDArray[np.float64], weight: float, a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> None:
    """Add packed moments, times a weight, to A (c + 1, c + 1), B (c + 1, c) and C (c, c)."""
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


@njit(types.boolean(_F2, _F2, _F2, _F2, _F2), cache=True, nogil=True)
def autoregression(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    w: NDArray[np.float64],
    r: NDArray[np.float64],
) -> bool:
    """W (c + 1, c) and R (c, c) from the sums A, B and C; False if they are the moments of no data."""
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
