"""Figures of alarms, by hand."""

import numpy as np
import pytest

from flead.evaluation.figures import Verdicts, auc, counts, events, interval, mean_auc, rule

LABELS = [0, 0, 1, 1, 1, 0, 0, 0, 1, 0]
FLAGS = [1, 0, 0, 0, 1, 1, 0, 1, 0, 0]


def verdicts(labels: list[int], flags: list[int], seconds: int = 100) -> Verdicts:
    count = len(labels)
    scores = np.array(flags, np.float64)
    return Verdicts(np.arange(count) * 1000 * seconds, np.array(labels, np.int8), scores, scores > 0)


def test_events_by_hand() -> None:
    seen = events([verdicts(LABELS, FLAGS)])
    # Two faults, of which the first is seen at its third reading; alarms at 0, 4 (in it), 5 and 7, 100 s apart.
    assert (seen.faults, seen.found, seen.delay, seen.false_alarms) == (2, 1, 200.0, 3)
    assert seen.normal_days == pytest.approx(600 / 86_400)
    assert seen.false_alarms_per_day == pytest.approx(3 / (600 / 86_400))


def test_readings_that_follow_one_another_are_one_alarm() -> None:
    assert events([verdicts([0] * 10, [1, 1, 0, 1, 1, 1, 1, 0, 0, 1], seconds=30)]).false_alarms == 2
    assert events([verdicts([0] * 10, [1] * 10)]).false_alarms == 10


def test_nothing_was_flagged_or_tested() -> None:
    assert events([verdicts(LABELS, [0] * 10)]).delay is None
    assert events([verdicts([], [])]) == events([])
    assert events([]).false_alarms_per_day == 0.0


def test_the_area_counts_pairs() -> None:
    rng = np.random.default_rng(0)
    score, labels = rng.integers(0, 5, 60).astype(np.float64), rng.integers(0, 2, 60).astype(np.int8)
    pairs = [(a > b) + 0.5 * (a == b) for a in score[labels == 1] for b in score[labels == 0]]
    assert auc(score, labels) == pytest.approx(np.mean(pairs))
    assert auc(score, np.zeros(60, np.int8)) is None
    assert mean_auc([verdicts([0, 1], [0, 1]), verdicts([0, 1], [1, 0]), verdicts([0, 0], [0, 0])]) == 0.5


def test_the_interval_holds_the_figure_and_shrinks_with_recordings() -> None:
    rng = np.random.default_rng(1)
    many = [verdicts(rng.integers(0, 2, 40).tolist(), rng.integers(0, 2, 40).tolist()) for _ in range(60)]
    low, high = interval(many)
    assert low < counts(many).f1 < high
    few_low, few_high = interval(many[:6])
    assert few_high - few_low > high - low
    assert interval(many) == (low, high)


def test_a_rule_flags_the_same_readings() -> None:
    [flagged] = rule([verdicts(LABELS, FLAGS)], lambda each: each.labels == 1)
    assert counts([flagged]).f1 == 1.0
