"""The auditor counts labelled readings only, by version and broker."""

import numpy as np
import pytest

from flead.evaluation.prequential import Prequential
from flead.learning.learner import Judgement
from flead.learning.metrics import Confusion
from flead.learning.rules import Rules
from flead.learning.zscore.learner import ZScore
from flead.records import GlobalModel

# p(anomaly) > .5 exactly where |z| > 3: weights of level and spread 0, of |z| 1, bias -3.
MODEL = GlobalModel(7, 7, 0.5, 20, "fedbuff", {"weights": [0.0, 0.0, 1.0], "bias": [-3.0]}, "2025-01-01T00:00:00.000Z")
Z = np.array([4.0, 4.0, 0.0, 0.0, 2.7, 9.0])
LABELS = np.array([1, 0, 0, 1, 0, -1], dtype=np.int8)
BROKERS = np.array([1, 1, 1, 2, 2, 3], dtype=np.int16)


@pytest.fixture
def judgement() -> Judgement:
    column = np.ones((len(Z), 1))
    return Judgement(np.abs(Z), np.abs(Z) > 2.5, np.zeros(len(Z), np.int16), Z, column, column)


@pytest.fixture
def auditor() -> Prequential:
    return Prequential(ZScore(Rules()))


def test_counts_by_version_and_broker(auditor: Prequential, judgement: Judgement) -> None:
    predictions = auditor.observe(judgement, LABELS, BROKERS, MODEL)
    assert auditor.by_version == {
        (7, 1): Confusion(true_positives=1, false_positives=1, true_negatives=1),
        (7, 2): Confusion(true_negatives=1, false_negatives=1),
    }
    assert auditor.models == Confusion(1, 1, 2, 1)
    assert auditor.alarms == Confusion(1, 2, 1, 1)
    assert predictions is not None
    assert predictions.readings.tolist() == [0, 1, 2, 3, 4]
    assert predictions.actual.tolist() == [1, 0, 0, 1, 0]


def test_without_labels_nothing_is_counted(auditor: Prequential, judgement: Judgement) -> None:
    assert auditor.observe(judgement, np.full(len(Z), -1, np.int8), BROKERS, MODEL) is None
    assert auditor.models.total == auditor.alarms.total == 0


def test_without_a_global_model_only_alarms_are(auditor: Prequential, judgement: Judgement) -> None:
    assert auditor.observe(judgement, LABELS, BROKERS, None) is None
    assert (auditor.models.total, auditor.alarms.total) == (0, 5)


def test_counts_of_the_newest_version_go_on_after_they_are_taken(auditor: Prequential, judgement: Judgement) -> None:
    auditor.observe(judgement, LABELS, BROKERS, MODEL)
    first = auditor.take()
    auditor.observe(judgement, LABELS, BROKERS, MODEL)
    assert auditor.take()[7, 1] == first[7, 1].plus(first[7, 1])
