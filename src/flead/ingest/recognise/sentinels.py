"""Values by which a sensor says that it has none: -127, -9999, 85.0, 65535.

Such a value is one only where the channel's own distribution says so: it comes again exactly, and it lies farther
from all other values than they lie from each other.
"""

import numpy as np
from numpy.typing import NDArray

HARD = (
    -127.0, -999.0, -9999.0, -99999.0, -999.9, -9999.9, 9999.0, 99999.0, 9999.9, 65535.0, 6553.5, 655.35, 32767.0,
    -32768.0, 3276.7, -3276.8, 327.67, -327.68, 2147483647.0, -2147483648.0, 4294967295.0, -273.0, -273.15,
)  # fmt: skip
"""Codes of known sensors and the ends of whole numbers' ranges, as they stand or with decimals behind."""
SOFT = (85.0, 999.0, 999.9, -99.0, -99.9, -99.99, 127.0, 255.0, -1000.0)
"""These may be measured; they have to come more often, and to lie farther away."""
_KNOWN = np.array(HARD + SOFT)
_FEWEST_OTHERS = 10


def find_sentinels(values: NDArray[np.float64]) -> list[float]:
    """The values of a channel (N,), NaN where it has none, that say that there is no value.

    >>> find_sentinels(np.array([20.0, 20.5, 21.0, 20.2] * 5 + [85.0, 85.0, 85.0]))
    [85.0]
    >>> find_sentinels(np.linspace(60, 90, 101))
    []
    """
    candidates = [value for value in _KNOWN.tolist() if (values == value).any()]
    if not candidates:
        return []
    others = values[~np.isnan(values) & ~np.isin(values, candidates)]
    if len(others) < _FEWEST_OTHERS:
        return []
    lowest, highest = float(others.min()), float(others.max())
    found = []
    for value in candidates:
        hard = value in HARD
        gap = max(lowest - value, value - highest)
        count = int((values == value).sum())
        if count >= (2 if hard else 3) and gap > (0.5 if hard else 1.0) * (highest - lowest) and gap > 0:
            found.append(value)
    return found
