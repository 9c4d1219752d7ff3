"""scikit-learn's meanings, as arrays and as frames."""

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

import flead
from flead.learning.registry import LEARNERS


def signal(count: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(20, 1, (count, 2))


@pytest.mark.parametrize("learner", LEARNERS)
def test_predictions_are_what_observing_would_say(learner: str):
    train, test = signal(500, 1), signal(100, 2)
    test[50] = 90.0
    detector = flead.Detector(learner).fit(train)
    scores, predicted = detector.score_samples(test), detector.predict(test)
    names = [f"x{column}" for column in range(2)]
    observed = flead.Detector(learner)
    observed.observe(pl.DataFrame(train, schema=names))
    expected = observed.observe(pl.DataFrame(test, schema=names))
    assert scores.tolist() == (-expected["score"].to_numpy()).tolist()
    assert predicted.tolist() == np.where(expected["anomaly"], -1, 1).tolist()
    assert np.ptp(scores) > 0
    assert detector.score_samples(np.asfortranarray(test)).tolist() == scores.tolist()


def test_predicting_changes_nothing_and_fitting_begins_anew():
    train, test = signal(300, 1), signal(100, 2)
    detector = flead.Detector("zscore").fit(train)
    first = detector.score_samples(test)
    assert (detector.score_samples(test) == first).all()
    assert (detector.fit(signal(300, 3)).fit(train, y=np.zeros(300)).score_samples(test) == first).all()


def test_by_hand():
    # Ten readings 0, 2, 0, 2, ...: mean 1, deviation 1. The next one, 4, is 3 deviations off; 1 would be none.
    detector = flead.Detector("zscore").fit([[0.0], [2.0]] * 5)
    assert detector.score_samples([[4.0]]).tolist() == [-3.0]
    assert detector.predict([[4.0]]).tolist() == [-1]
    assert detector.predict([[1.0]]).tolist() == [1]


def test_frames_with_devices_are_samples_too():
    fleet = flead.simulate(devices=3, seconds=120)
    detector = flead.Detector("zscore").fit(fleet[:300])
    assert detector.predict(fleet[300:]).shape == (60,)


@pytest.mark.parametrize("samples", [[1.0, 2.0], [["a"]], np.zeros((2, 3, 4)), [[np.inf]], np.zeros((2, 65))])
def test_what_is_no_array_of_samples_is_refused(samples: object):
    with pytest.raises(flead.FleadError):
        flead.Detector().fit(samples)
