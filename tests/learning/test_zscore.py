"""The rule |z| > 2.5: the published example, where scoring starts, and which channel speaks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.learner import Judgement, Trainings
from flead.learning.rules import Rules
from flead.learning.zscore.learner import Logistic, ZScore

NO_TRAININGS = Trainings(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64))


def judge(values: list[list[float]] | NDArray[np.float64], learner: ZScore) -> Judgement:
    """One device's readings."""
    table = np.ascontiguousarray(values, dtype=np.float64)
    learner.grow(devices=1, channels=table.shape[1])
    judged, _ = learner.observe(np.zeros(len(table), np.int32), table, np.full(len(table), -1, np.int8), NO_TRAININGS)
    return judged


def test_the_published_example() -> None:
    """Mean 42.1; the population std of that history is sqrt(.02) = .1414, which the text rounds up to .15."""
    judged = judge([[42.1], [42.3], [41.9], [42.0], [42.2], [45.0]], ZScore(Rules(min_readings=5)))
    assert judged.mean[5, 0] == pytest.approx(42.1, rel=1e-15)
    assert judged.std[5, 0] == pytest.approx(0.02**0.5, rel=1e-12)
    assert judged.z[5] == pytest.approx(2.9 / 0.02**0.5, rel=1e-12)
    assert judged.anomalous.tolist() == [False] * 5 + [True]
    assert judged.score[5] > ZScore(Rules()).critical


def test_scoring_starts_with_ten_readings_in_the_window() -> None:
    judged = judge([[0.0]] * 9 + [[1e9]], ZScore(Rules()))
    assert not judged.anomalous.any()
    judged = judge([[0.0]] * 10 + [[1.0]], ZScore(Rules()))
    assert judged.anomalous.tolist() == [False] * 10 + [True]


def test_a_constant_that_jumps_is_flagged_against_the_floor() -> None:
    judged = judge([[1e9]] * 20 + [[1e9 + 1e4]], ZScore(Rules()))
    assert judged.std[20, 0] == 1e3
    assert judged.z[20] == 10.0
    assert judge([[5e-7]] * 20 + [[2.6e-6]], ZScore(Rules())).z[20] == pytest.approx(2.1, rel=1e-12)


def test_the_threshold_itself_is_normal() -> None:
    history = [[-1.0], [1.0]] * 10
    assert not judge([*history, [2.5]], ZScore(Rules())).anomalous.any()
    assert judge([*history, [-np.nextafter(2.5, 3)]], ZScore(Rules())).anomalous.tolist() == [False] * 20 + [True]


def test_the_reading_itself_is_not_in_its_window_and_the_hundredth_before_it_is() -> None:
    values = np.arange(150.0)[:, None] ** 2
    judged = judge(values, ZScore(Rules()))
    assert judged.mean[149, 0] == pytest.approx(values[49:149].mean(), rel=1e-14)
    assert judged.std[149, 0] == pytest.approx(values[49:149].std(), rel=1e-14)


def test_before_there_is_a_window_the_value_is_its_own_mean() -> None:
    judged = judge([[7.0]], ZScore(Rules()))
    assert (judged.mean[0, 0], judged.std[0, 0], judged.z[0]) == (7.0, 7e-6, 0.0)


def test_the_channel_that_deviates_most_speaks_and_the_first_of_equals() -> None:
    history = [[-1.0, -2.0, 0.0], [1.0, 2.0, np.nan]] * 10
    judged = judge([*history, [3.0, -7.0, 0.0], [np.nan, 0.5, 0.0]], ZScore(Rules()))
    assert judged.channel[[20, 21]].tolist() == [1, 1]
    assert judged.z[20] == pytest.approx(-3.5, rel=1e-14)
    assert judge([*history, [3.0, -6.0, 0.0]], ZScore(Rules())).channel[20] == 0
    assert judged.channel[0] == 0
    assert np.isnan(judged.mean[21]).tolist() == [True, False, False]


def test_a_channel_that_comes_later_is_scored_later() -> None:
    judged = judge([[0.0, np.nan]] * 10 + [[0.0, 5.0]] * 10 + [[0.0, 6.0]], ZScore(Rules()))
    assert np.flatnonzero(judged.anomalous).tolist() == [20]
    assert judged.channel[20] == 1


def test_devices_do_not_mix() -> None:
    rng = np.random.default_rng(0)
    rows, values = rng.integers(0, 3, 400).astype(np.int32), rng.normal(0, 1, (400, 1))
    learner = ZScore(Rules())
    learner.grow(devices=3, channels=1)
    judged, _ = learner.observe(rows, values, np.full(400, -1, np.int8), NO_TRAININGS)
    for row in range(3):
        alone = judge(values[rows == row], ZScore(Rules()))
        assert alone.z.tobytes() == judged.z[rows == row].tobytes()


def test_the_model_alarms_where_it_finds_an_anomaly_more_likely_than_not() -> None:
    learner = Logistic(Rules())
    learner.adopt({"weights": np.array([0.0, 0.0, 1.0]), "bias": np.array([-2.0])}, version=1)
    # Scaled, the model sees |z|: 1.9 and 2.1 on either side of 2.
    judged = judge([[-1.0], [1.0]] * 10 + [[1.9]] + [[-2.1]], learner)
    assert judged.anomalous[20:].tolist() == [False, True]
    assert judged.score[20] == pytest.approx(1 / (1 + np.exp(0.1)), rel=1e-9)


def test_the_model_too_waits_until_scoring_starts() -> None:
    learner = Logistic(Rules())
    learner.adopt({"weights": np.zeros(3), "bias": np.array([5.0])}, version=1)
    judged = judge([[0.0]] * 11, learner)
    assert judged.score[:10].tolist() == [0.0] * 10
    assert judged.anomalous.tolist() == [False] * 10 + [True]
