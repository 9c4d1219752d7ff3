"""What predictions were worth: confusion counts and the figures made of them.

Accuracy alone misleads where anomalies are rare (calling everything normal is then nearly always right),
so the majority-class accuracy always stands beside it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Confusion(NamedTuple):
    """Counts of predictions against ground truth, and their figures: ratios in 0..1, 0 where nothing was counted.

    >>> c = Confusion(true_positives=600, false_positives=50, true_negatives=320, false_negatives=30)
    >>> round(c.accuracy, 4), round(c.precision, 4), round(c.recall, 4), round(c.f1, 4)
    (0.92, 0.9231, 0.9524, 0.9375)
    """

    true_positives: int = 0
    false_positives: int = 0
    true_negatives: int = 0
    false_negatives: int = 0

    @property
    def total(self) -> int:
        """Predictions counted."""
        return sum(self)

    @property
    def accuracy(self) -> float:
        """The share of right predictions."""
        return _ratio(self.true_positives + self.true_negatives, self.total)

    @property
    def majority_accuracy(self) -> float:
        """The accuracy of always predicting the more frequent class."""
        positives = self.true_positives + self.false_negatives
        return _ratio(max(positives, self.total - positives), self.total)

    @property
    def precision(self) -> float:
        """TP / (TP + FP): how often an alarm is right."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """TP / (TP + FN): how many anomalies are found."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def false_alarm_rate(self) -> float:
        """FP / (FP + TN)."""
        return _ratio(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def missed_alarm_rate(self) -> float:
        """FN / (FN + TP)."""
        return _ratio(self.false_negatives, self.true_positives + self.false_negatives)

    def plus(self, other: "Confusion") -> "Confusion":
        """The counts of both."""
        return Confusion(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def confusion(predicted: NDArray[np.bool_], actual: NDArray[np.int8]) -> Confusion:
    """Counts of (N,) predictions against (N,) labels; labels other than 0 and 1 are not counted.

    >>> confusion(np.array([True, True, False]), np.array([1, 0, -1], dtype=np.int8))
    Confusion(true_positives=1, false_positives=1, true_negatives=0, false_negatives=0)
    """
    positive, negative = actual == 1, actual == 0
    return Confusion(
        int(np.count_nonzero(predicted & positive)),
        int(np.count_nonzero(predicted & negative)),
        int(np.count_nonzero(~predicted & negative)),
        int(np.count_nonzero(~predicted & positive)),
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
