"""Figures of the published confusion counts, and of none."""

from fractions import Fraction

import numpy as np
import pytest

from flead.learning.metrics import Confusion, confusion

PUBLISHED = Confusion(true_positives=600, false_positives=50, true_negatives=320, false_negatives=30)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("total", 1000),
        ("accuracy", Fraction(920, 1000)),
        ("majority_accuracy", Fraction(630, 1000)),
        ("precision", Fraction(600, 650)),
        ("recall", Fraction(600, 630)),
        ("f1", Fraction(15, 16)),
        ("false_alarm_rate", Fraction(50, 370)),
        ("missed_alarm_rate", Fraction(30, 630)),
    ],
)
def test_the_published_counts(figure: str, expected: Fraction) -> None:
    assert getattr(PUBLISHED, figure) == float(expected)
    assert getattr(Confusion(), figure) == 0.0


def test_f1_is_the_harmonic_mean() -> None:
    harmonic = 2 * PUBLISHED.precision * PUBLISHED.recall / (PUBLISHED.precision + PUBLISHED.recall)
    assert PUBLISHED.f1 == pytest.approx(harmonic, rel=1e-15)


def test_always_normal_is_right_as_often_as_the_majority() -> None:
    lazy = Confusion(true_negatives=98, false_negatives=2)
    assert lazy.accuracy == lazy.majority_accuracy == 0.98
    assert (lazy.f1, lazy.recall, lazy.missed_alarm_rate, lazy.false_alarm_rate) == (0.0, 0.0, 1.0, 0.0)


def test_counts_add_up() -> None:
    rng = np.random.default_rng(0)
    predicted, actual = rng.random(500) < 0.3, rng.integers(-1, 2, 500).astype(np.int8)
    whole = confusion(predicted, actual)
    assert whole.total == np.count_nonzero(actual != -1)
    assert confusion(predicted[:123], actual[:123]).plus(confusion(predicted[123:], actual[123:])) == whole
    assert confusion(~predicted, actual) == (
        whole.false_negatives, whole.true_negatives, whole.false_positives, whole.true_positives,
    )  # fmt: skip
