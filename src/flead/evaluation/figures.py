"""What alarms on labelled recordings are worth: by reading, by fault, and how sure that is."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.learning.metrics import Confusion, confusion

DAY = 86_400_000
RESAMPLES = 1000
SURE = 0.95
CALM = 60_000
"""Milliseconds without a flagged reading after which the next one is a new alarm."""


class Verdicts(NamedTuple):
    """What was said of the M test readings of one recording, which all have a label."""

    times: NDArray[np.int64]  # (M,) milliseconds since the epoch
    labels: NDArray[np.int8]  # (M,) 0 or 1
    score: NDArray[np.float64]  # (M,)
    anomalous: NDArray[np.bool_]  # (M,)


class Events(NamedTuple):
    """Faults and alarms as events. A fault is a run of readings labelled 1, an alarm one of flagged readings."""

    faults: int = 0
    found: int = 0
    """Faults during which a reading was flagged."""
    delay: float | None = None
    """Median seconds from the beginning of a found fault to its first flagged reading."""
    false_alarms: int = 0
    """Alarms that begin outside a fault."""
    normal_days: float = 0.0
    """Time without a fault."""

    @property
    def false_alarms_per_day(self) -> float:
        """False alarms by days without a fault."""
        return self.false_alarms / self.normal_days if self.normal_days else 0.0


def counts(tested: Sequence[Verdicts]) -> Confusion:
    """The confusion counts of all readings, pooled."""
    total = Confusion()
    for each in tested:
        total = total.plus(confusion(each.anomalous, each.labels))
    return total


def interval(tested: Sequence[Verdicts], seed: int = 0) -> tuple[float, float]:
    """Between which F1 lies with a probability of ``SURE``: percentiles of a bootstrap over whole recordings.

    Readings of one recording are no independent evidence, so it is recordings that are drawn anew (Efron, Tibshirani,
    "An Introduction to the Bootstrap", 1993, ch. 13).
    """
    table = np.array([confusion(each.anomalous, each.labels) for each in tested], dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(table), (RESAMPLES, len(table)))
    true_positives, false_positives, _, false_negatives = table[drawn].sum(axis=1).T
    f1 = 2 * true_positives / np.maximum(2 * true_positives + false_positives + false_negatives, 1)
    low, high = np.quantile(f1, [(1 - SURE) / 2, (1 + SURE) / 2]).tolist()
    return low, high


def auc(score: NDArray[np.float64], labels: NDArray[np.int8]) -> float | None:
    """How often an anomalous reading has the higher score of a pair, ties half; None where a class is missing.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 0, 1, 1], dtype=np.int8))
    0.875
    """
    positive = labels == 1
    pairs = int(positive.sum()) * int((~positive).sum())
    if not pairs:
        return None
    _, place, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[place]
    wins = rank[positive].sum() - positive.sum() * (positive.sum() + 1) / 2
    return float(wins / pairs)


def mean_auc(tested: Sequence[Verdicts]) -> float | None:
    """The mean of the recordings' own."""
    known = [area for each in tested if (area := auc(each.score, each.labels)) is not None]
    return float(np.mean(known)) if known else None


def events(tested: Sequence[Verdicts]) -> Events:
    """Faults and alarms of all recordings."""
    faults, delays, false_alarms, normal = 0, [], 0, 0.0
    for each in tested:
        if not len(each.times):
            continue
        bounds = np.flatnonzero(np.diff(each.labels == 1, prepend=False, append=False)).reshape(-1, 2)
        faults += len(bounds)
        for begin, end in bounds.tolist():
            flagged = np.flatnonzero(each.anomalous[begin:end])
            if len(flagged):
                delays.append((each.times[begin + flagged[0]] - each.times[begin]) / 1000)
        at = np.flatnonzero(each.anomalous)
        begins = at[np.diff(each.times[at], prepend=-DAY) > CALM] if len(at) else at
        false_alarms += int((each.labels[begins] == 0).sum())
        spacing = np.median(np.diff(each.times)) if len(each.times) > 1 else 0.0
        normal += float((each.labels == 0).sum() * spacing) / DAY
    return Events(faults, len(delays), float(np.median(delays)) if delays else None, false_alarms, normal)


def rule(tested: Sequence[Verdicts], alarms: Callable[[Verdicts], NDArray[np.bool_]]) -> list[Verdicts]:
    """The same readings, flagged by a rule instead."""
    return [each._replace(anomalous=(flags := alarms(each)), score=flags.astype(np.float64)) for each in tested]
