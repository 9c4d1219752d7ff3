"""One-step prediction of many signals by recursive least squares: AR(10) with exponential forgetting.

Haykin, "Adaptive Filter Theory", ch. 9 (RLS). With f the last 10 values, w the weights and P the inverse of
lambda-weighted sum f f' + I / LARGEST:

    e = x - w . f,   k = P f / (lambda + f . P f),   w <- w + k e,   P <- (P - k (P f)') / lambda.

P grows without bound in directions that a signal never moves in: one that is constant moves in none. It stops
forgetting while its trace is above ``LARGEST``.
"""

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

ORDER = 10
FORGETTING = 0.999
LARGEST = 100.0 * ORDER

# The numbers of a filter.
WEIGHTS = 0  # w
LAGS = ORDER  # the last values, the newest first
GAINS = 2 * ORDER  # room for P f
INVERSE = 3 * ORDER  # P, row by row
SIZE_OF_FILTER = 3 * ORDER + ORDER * ORDER


@njit(
    types.float64(types.float64[:, :, ::1], types.uintp, types.uintp, types.intp, types.float64, types.int64),
    cache=True,
    nogil=True,
)
def residual(
    signals: NDArray[np.float64], row: int | np.uintp, channel: int | np.uintp, at: int, value: float, seen: int
) -> float:
    """The residual e of a value after ``seen`` others, which is then learnt; ``at`` is where the filter begins."""
    weights, lags, inverse = np.uintp(at + WEIGHTS), np.uintp(at + LAGS), np.uintp(at + INVERSE)
    gains = np.uintp(at + GAINS)
    one, order = np.uintp(1), np.uintp(ORDER)
    if seen == 0:
        for i in range(order):
            signals[row, channel, inverse + i * (order + one)] = 10.0
    error = value
    for i in range(order):
        error -= signals[row, channel, weights + i] * signals[row, channel, lags + i]
    if seen >= ORDER:
        # Column by column: the inner loops add arrays, not numbers, so that the compiler can use vectors.
        for i in range(order):
            signals[row, channel, gains + i] = 0.0
        for j in range(order):
            lag = signals[row, channel, lags + j]
            for i in range(order):
                signals[row, channel, gains + i] += lag * signals[row, channel, inverse + j * order + i]
        power, trace = FORGETTING, 0.0
        for i in range(order):
            power += signals[row, channel, gains + i] * signals[row, channel, lags + i]
            trace += signals[row, channel, inverse + i * (order + one)]
        share = 1.0 / power
        grow = 1.0 / FORGETTING if trace < LARGEST else 1.0
        for i in range(order):
            signals[row, channel, weights + i] += share * error * signals[row, channel, gains + i]
        for j in range(order):
            step = share * signals[row, channel, gains + j]
            for i in range(order):
                place = inverse + j * order + i
                signals[row, channel, place] = grow * (
                    signals[row, channel, place] - step * signals[row, channel, gains + i]
                )
    for i in range(order - one):
        signals[row, channel, lags + order - one - i] = signals[row, channel, lags + order - one - i - one]
    signals[row, channel, lags] = value
    return float(error)
