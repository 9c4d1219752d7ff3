"""Prequential evaluation: every labelled reading tests the newest global model before anything learns from it.

Dawid 1984, "Statistical Theory: The Prequential Approach", JRSS A 147; Gama, Sebastião, Rodrigues 2013, "On
evaluating stream learning algorithms", Machine Learning 90.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.learning.learner import Judgement, Learner, arrays
from flead.learning.metrics import Confusion, confusion
from flead.records import GlobalModel

DECISION = 0.5
"""A probability of at least this predicts an anomaly."""


class Predictions(NamedTuple):
    """What one global model said of M labelled readings."""

    version: int
    readings: NDArray[np.intp]  # (M,) positions in the batch
    probability: NDArray[np.float64]  # (M,)
    actual: NDArray[np.int8]  # (M,)


class Prequential:
    """Confusion counts of the global models by version and broker, and of the devices' own alarms."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.by_version: dict[tuple[int, int], Confusion] = {}
        """(version, broker) to its counts so far, for the versions that :meth:`take` has still to give."""
        self.models = Confusion()
        """All global models together."""
        self.alarms = Confusion()
        """The devices' alarms, with or without a global model."""

    def observe(
        self, judgement: Judgement, labels: NDArray[np.int8], brokers: NDArray[np.int16], model: GlobalModel | None
    ) -> Predictions | None:
        """Count N readings, judged before they were learnt; ``model`` must not have learnt from them either.

        Shapes: labels and brokers (N,). Returns the predictions on those that have a label, if there are any.
        """
        labelled = np.flatnonzero(labels >= 0)
        if len(labelled) == 0:
            return None
        actual = labels[labelled]
        self.alarms = self.alarms.plus(confusion(judgement.anomalous[labelled], actual))
        if model is None:
            return None
        judged = judgement if len(labelled) == len(labels) else judgement.part(labelled)
        probability = self.learner.predict(judged, arrays(model.parameters))
        for broker, counts in _by_broker(probability >= DECISION, actual, brokers[labelled]):
            key = model.version, broker
            self.by_version[key] = self.by_version.get(key, Confusion()).plus(counts)
            self.models = self.models.plus(counts)
        return Predictions(model.version, labelled, probability, actual)

    def take(self) -> dict[tuple[int, int], Confusion]:
        """The counts so far of the versions tested since they were last taken; those of the newest go on."""
        taken = self.by_version
        newest = max((version for version, _ in taken), default=0)
        self.by_version = {key: counts for key, counts in taken.items() if key[0] == newest}
        return taken


def _by_broker(
    predicted: NDArray[np.bool_], actual: NDArray[np.int8], brokers: NDArray[np.int16]
) -> Iterator[tuple[int, Confusion]]:
    # Four counters a broker, in one pass: of right and wrong predictions of normal, then of anomalies.
    counters = np.bincount(4 * brokers.astype(np.int64) + 2 * predicted + actual)
    fours: list[list[int]] = np.pad(counters, (0, -len(counters) % 4)).reshape(-1, 4).tolist()
    for broker, (normal, missed, false_alarms, found) in enumerate(fours):
        if normal or missed or false_alarms or found:
            yield broker, Confusion(found, false_alarms, normal, missed)
