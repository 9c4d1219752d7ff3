"""Logistic regression: steps, losses and features by hand."""

import math

import numpy as np
import pytest

from flead.learning.learner import Trainings
from flead.learning.rules import Rules
from flead.learning.zscore.learner import ZScore
from flead.learning.zscore.logistic import features, probabilities, sigmoid


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.0, 0.5), (math.log(3), 0.75), (-math.log(3), 0.25), (40.0, 1.0), (1e9, 1.0), (-1e9, 0.0), (-1e308, 0.0)],
)
def test_sigmoid(score: float, expected: float) -> None:
    assert sigmoid(score) == pytest.approx(expected, rel=1e-15)


def test_sigmoid_keeps_its_digits_far_below_zero() -> None:
    assert sigmoid(-700.0) == pytest.approx(math.exp(-700.0), rel=1e-13)


@pytest.mark.parametrize(
    ("raw", "scaled"),
    [
        ((3.0, 1.0, -2.0), (0.75, 0.25, 2.0)),
        ((-3.0, 1.0, 2.0), (-0.75, 0.25, 2.0)),
        ((0.0, 1e-6, 0.5), (0.0, 1.0, 0.5)),
        ((1e9, 1e9, 1e15), (0.5, 0.5, 10.0)),
    ],
)
def test_features(raw: tuple[float, float, float], scaled: tuple[float, float, float]) -> None:
    assert features(*raw, False) == raw
    assert features(*raw, True) == pytest.approx(scaled, rel=1e-15)


def test_probabilities_are_of_the_channel_that_speaks() -> None:
    mean, std = np.array([[9.0, 3.0], [np.nan, 1.0]]), np.array([[9.0, 1.0], [np.nan, 1.0]])
    channel, z, model = np.array([1, 1], np.int16), np.array([-2.0, 0.0]), np.array([4.0, 8.0, -3.0, 1.0])
    # 4 * .75 + 8 * .25 - 3 * 2 + 1 = 0 and 4 * .5 + 8 * .5 - 0 + 1 = 7
    assert probabilities(mean, std, channel, z, model, True) == pytest.approx([0.5, 1 / (1 + math.exp(-7))], rel=1e-15)


def test_two_steps_of_gradient_descent_by_hand() -> None:
    """Supervised, raw, rate 1: the readings 1 (label 1) and 1 (label 0), each with z = 0.

    The first is its own mean, and both stds are the floor of 1e-6, which moves the second weight by a millionth
    of what moves the first.
    """
    learner = ZScore(Rules(learning_rate=1.0, features="raw", supervised=True))
    learner.grow(devices=1, channels=1)
    ends = Trainings(np.array([2]), np.zeros(1, np.int32), np.full(1, 2, np.int32), np.zeros(1, np.int64))
    readings = np.zeros(2, np.int32), np.ones((2, 1)), np.array([1, 0], np.int8)
    _, updates = learner.observe(*readings, ends)

    # p = 1/2, so that w and b become 1/2; then p = sigmoid(1/2 + 1/2), but for w_std^2.
    half = 0.5
    p = 1 / (1 + math.exp(-(half + half + 1e-6 * half * 1e-6)))
    expected = [half - p, 1e-6 * (half - p), 0.0, half - p]
    assert updates.parameters[0] == pytest.approx(expected, rel=1e-14)
    assert updates.loss[0] == pytest.approx(math.log(2), rel=1e-15)
    # Both answers of the untrained model are "anomaly": p = .5 counts as one.
    assert updates.accuracy[0] == 0.5


def test_accuracy_and_loss_are_of_the_model_before_the_training() -> None:
    learner = ZScore(Rules(features="raw", learning_rate=10.0))
    learner.grow(devices=1, channels=1)
    learner.adopt({"weights": np.zeros(3), "bias": np.array([-math.log(3)])}, version=4)
    ends = Trainings(np.array([3]), np.zeros(1, np.int32), np.full(1, 3, np.int32), np.zeros(1, np.int64))
    _, updates = learner.observe(np.zeros(3, np.int32), np.zeros((3, 1)), np.full(3, -1, np.int8), ends)
    # p = 1/4 for three normal readings, however much the steps between them change.
    assert updates.loss[0] == pytest.approx(math.log(4 / 3), rel=1e-15)
    assert updates.accuracy[0] == 1.0
    assert updates.global_versions[0] == 4
    assert learner.parameters(0)["bias"][0] < -math.log(3) - 1
