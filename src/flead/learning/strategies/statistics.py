"""Merging statistics instead of weights: sums of moments, and medians of peers.

What adds up, adds up exactly: the moments (count, sum, sum of squares or products) of devices are those of all
their readings together. What does not (a variance, a drift) is summarised by its median over the peers, which a few
odd devices cannot move.
"""

import math
from collections.abc import Sequence

import numpy as np

from flead.learning.learner import Parameters
from flead.learning.strategies.updates import LARGEST


def sums(peers: Sequence[Parameters]) -> Parameters:
    """The sum of every named array over the peers, correctly rounded: their order changes no bit.

    Moments belong together, so a peer with a number that is not finite is left out; ValueError if all are.

    >>> sums([{"count": np.array([1e16])}, {"count": np.array([1.0])}, {"count": np.array([-1e16])}])
    {'count': array([1.])}
    """
    whole = [peer for peer in peers if all((np.abs(array) <= LARGEST).all() for array in peer.values())]
    if not whole:
        raise ValueError(f"none of the {len(peers)} peers' statistics is finite")
    return {
        name: np.array(
            [math.fsum(numbers) for numbers in zip(*(peer[name].ravel().tolist() for peer in whole), strict=True)]
        ).reshape(array.shape)
        for name, array in whole[0].items()
    }


def without(total: Parameters, own: Parameters) -> Parameters:
    """The sum of the others: what a device's peers know without the device.

    >>> without({"count": np.array([5.0])}, {"count": np.array([2.0])})
    {'count': array([3.])}
    """
    return {name: array - own[name] for name, array in total.items()}


def medians(peers: Sequence[Parameters]) -> Parameters:
    """The median of every number of every named array over the peers that know it; NaN where none does.

    A peer does not know a number that is not finite: it lacks the channel, or has not seen enough of it.

    >>> medians([{"s": np.array([1.0, np.nan])}, {"s": np.array([3.0, np.nan])}, {"s": np.array([8.0, 4.0])}])
    {'s': array([3., 4.])}
    """
    return {name: _median(np.stack([peer[name] for peer in peers])) for name in peers[0]}


def _median(
    stacked: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    known = np.abs(stacked) <= LARGEST
    # What is not known sorts behind all that is.
    ordered = np.sort(np.where(known, stacked, np.inf), axis=0)
    count = known.sum(axis=0)
    middle = [
        np.take_along_axis(ordered, np.maximum(at, 0)[np.newaxis], axis=0)[0] for at in ((count - 1) // 2, count // 2)
    ]
    return np.where(count > 0, 0.5 * middle[0] + 0.5 * middle[1], np.nan)
