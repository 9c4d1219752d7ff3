"""Merging what devices know of their readings: every device keeps a model of its own and asks what its peers know.

The server remembers the newest statistics of up to ``REMEMBERED`` devices of a kind (of the commonest kinds, where
there are too many for one message) and merges them by their names:
``moments`` by their mean, which is exact, ``scores`` by pooling the distributions, all others by their median. A peer
that has seen less than half of the rows of those that have seen most is not asked.

Hostile statistics: who differs from the peers' median ``FAR`` times as much as half of them do, in orders of magnitude,
is not asked; medians bear up to half of the peers; the mean leaves out the share ``hostile`` of the peers that lie
farthest from the median; more rows than a third of the peers claim to have seen are not believed; and no quantile of a
peer's scores counts as more than ``MOST`` times the peers' median.
Sums of statistics instead of weights: Chu et al., "Map-Reduce for Machine Learning on Multicore", NIPS 2006.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flead.learning.kinds import PEERS, by_kind
from flead.learning.learner import Parameters
from flead.learning.strategies.distances import distances
from flead.learning.strategies.median import median
from flead.learning.strategies.rules import DEFAULTS, StrategyRules
from flead.learning.strategies.statistics import sums
from flead.learning.strategies.strategy import Contribution, State
from flead.learning.strategies.updates import usable

REMEMBERED = 64
"""Devices of a kind that the server remembers."""

NUMBERS = 40_000
"""Numbers that it remembers in all, 360 KB: the state travels with a global model in one Kafka message, of 1 MB."""

SMALLEST = 1e-9
"""Statistics of this size have no order of magnitude."""

MERGED = 20_000
"""Numbers of one device of every kind together, at most: so many a global model may have in its message, too."""

MOST = 3.0
FAR = 2.5


def mean_of_most(matrix: NDArray[np.float64], hostile: float) -> NDArray[np.float64]:
    """(P,) the mean of an (n, P) matrix's rows, without the hostile n farthest from their median.

    >>> mean_of_most(np.array([[1.0], [2.0], [3.0], [4.0], [1000.0]]), 0.2)
    array([2.5])
    """
    nearest = np.argsort(distances(matrix, median(matrix)), kind="stable")
    kept = nearest[: len(matrix) - round(hostile * len(matrix))]
    return sums([{"": matrix[row]} for row in kept])[""] / len(kept)


def pooled(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P,) the quantiles at (i + 1/2) / P of the distributions whose quantiles are the rows of an (n, P) matrix.

    >>> pooled(np.array([[1.0, 3.0], [5.0, 7.0]]))  # of 1, 3, 5, 7; 5 counts as 9 at most, 7 as 15
    array([2.5, 5.5])
    """
    matrix = np.minimum(matrix, MOST * median(matrix))
    size = matrix.shape[1]
    quantiles: NDArray[np.float64] = np.quantile(matrix, (np.arange(size) + 0.5) / size)
    return quantiles


def merge(peers: Sequence[Parameters], hostile: float) -> Parameters:
    """What the devices of one kind know together: named arrays like theirs."""
    merged = {}
    for name, array in peers[0].items():
        matrix = np.stack([peer[name].ravel() for peer in peers])
        if name == "moments":
            numbers = mean_of_most(matrix, hostile)
        elif name == "scores":
            numbers = pooled(matrix)
        else:
            numbers = median(matrix)
        merged[name] = numbers.reshape(array.shape)
    return merged


def plausible(peers: Sequence[Parameters]) -> Sequence[Parameters]:
    """Those whose statistics, but for the moments, are not out of all proportion to the others'.

    >>> peers = [{"variance": np.array([number])} for number in (3.0, 4.0, 5.0, 6.0, 1000.0)]
    >>> [peer["variance"].item() for peer in plausible(peers)]
    [3.0, 4.0, 5.0, 6.0]
    """
    told = [[array.ravel() for name, array in peer.items() if name not in ("rows", "moments")] for peer in peers]
    if not peers or not told[0]:
        return peers
    # A logarithm for both signs, and of 0.
    matrix = np.stack([np.arcsinh(np.concatenate(arrays) / SMALLEST) for arrays in told])
    away = distances(matrix, median(matrix))
    return [peer for peer, distance in zip(peers, away, strict=True) if distance <= FAR * np.median(away)]


def experienced(peers: Sequence[Parameters]) -> Sequence[Parameters]:
    """Those that have seen at least half as many rows as the ones that have seen most; all if nobody says how many."""
    seen = [float(peer["rows"][0]) if "rows" in peer else 1.0 for peer in peers]
    most = _most(seen)
    return [peer for peer, rows in zip(peers, seen, strict=True) if rows > 0 and 2 * rows >= most]


def _most(rows: Sequence[float]) -> float:
    """The largest number of rows that is believed: what at least a third of the peers claim to have seen."""
    return sorted(rows)[-1 - len(rows) // 3]


@dataclass(frozen=True)
class Peers:
    """Medians of statistics, means of moments and pooled scores, for every kind of device.

    A device without a name is forgotten after its round.
    """

    rules: StrategyRules = DEFAULTS
    name = "peers"

    def init(self) -> State:
        return {}

    def step(self, state: State, updates: Sequence[Contribution]) -> tuple[State, Parameters]:
        fit = [update for update, good in zip(updates, usable(updates), strict=True) if good]
        named = {update.device: update.parameters for update in fit if update.device}
        # The newest come last.
        known = {device: told for device, told in state.items() if device not in named} | named
        known = _remembered(known)
        anonymous = [update.parameters for update in fit if not update.device]
        kinds: dict[str, list[Parameters]] = {}
        for told in (*known.values(), *anonymous):
            for kind, statistics in by_kind(told).items():
                kinds.setdefault(kind, []).append(statistics)
        model: Parameters = {}
        for kind, found in kinds.items():
            asked = plausible(experienced(found))
            if asked:
                merged = merge(asked, self.rules.hostile)
                if "rows" in merged:
                    merged[PEERS] = np.array([float(len(asked))])
                model |= {f"{name} {kind}".rstrip(): array for name, array in merged.items()}
        return known, model


def _remembered(known: State) -> State:
    """Those to remember: of every kind those that have seen most, of as many the newest, while there is room.

    Kinds of many devices come before those of few, and among these the newest: devices of a rare kind have few peers
    to lose.
    """
    order = list(known)
    kinds: dict[str, list[str]] = {}
    for device in reversed(order):
        for kind in by_kind(known[device]):
            kinds.setdefault(kind, []).append(device)
    sizes, room = {}, MERGED
    for kind, devices in sorted(kinds.items(), key=lambda item: -len(item[1])):  # stable: the newest first
        size = max(_size(known[device]) for device in devices)
        if size <= room:
            sizes[kind] = size
            room -= size
    kept: set[str] = set()
    for kind, size in sizes.items():
        rows = {device: _rows(known[device]) for device in kinds[kind]}
        most = _most(list(rows.values()))
        devices = sorted(rows, key=lambda device: -min(rows[device], most))  # stable: the newest first among equals
        kept.update(devices[: max(1, min(REMEMBERED, NUMBERS // len(sizes) // size))])
    return {device: known[device] for device in order if device in kept}


def _size(told: Parameters) -> int:
    return sum(array.size for array in told.values())


def _rows(told: Parameters) -> float:
    return max((float(array[0]) for name, array in told.items() if name.startswith("rows ")), default=0.0)
