"""The drift learner's statistics as a point, so that they can be clipped and get noise (see ``privacy``).

What is positive and of any size goes by its logarithm: a noise of .1 is ten percent of a variance, whatever the unit.
The moments are means of products of standardised values, near 1 as they are. The number of rows is not in the point: an
update says in clear how many readings it is made of.
"""

import math

import numpy as np
from numpy.typing import NDArray

from flead.learning.learner import Layout, Space

LEAST, MOST = 1e-12, 1e12
"""What a logarithm is taken of, and what comes back: statistics beyond are these."""


def point_of(flat: NDArray[np.float64], layout: Layout) -> NDArray[np.float64]:
    """(Q,) statistics as a point.

    >>> layout = {"rows k": (1,), "variance k": (1,), "moments k": (2,)}
    >>> point_of(np.array([400.0, 1.0, -2.0, 3.0]), layout)
    array([ 0., -2.,  3.])
    """
    return np.concatenate(
        [
            part if name.startswith("moments ") else np.log(np.clip(part, LEAST, MOST))
            for name, part in _parts(flat, layout)
            if not name.startswith("rows ")
        ]
    )


def statistics_at(point: NDArray[np.float64], flat: NDArray[np.float64], layout: Layout) -> NDArray[np.float64]:
    """(P,) the statistics at a point, with the rows of ``flat``. Scores are quantiles, and so rise."""
    statistics, at = flat.copy(), 0
    for name, part in _parts(statistics, layout):
        if name.startswith("rows "):
            continue
        told = point[at : at + len(part)]
        at += len(part)
        part[:] = told if name.startswith("moments ") else np.exp(np.clip(told, math.log(LEAST), math.log(MOST)))
        if name.startswith("scores "):
            part.sort()
    return statistics


def _parts(flat: NDArray[np.float64], layout: Layout) -> list[tuple[str, NDArray[np.float64]]]:
    """The statistics by name, as views."""
    parts, start = [], 0
    for name, shape in layout.items():
        stop = start + math.prod(shape)
        parts.append((name, flat[start:stop]))
        start = stop
    return parts


STATISTICS = Space(point_of, statistics_at)
