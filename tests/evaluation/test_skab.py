"""The drift learner on SKAB, causal and without labels: the figures that it is to reach."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest

from flead.evaluation.backtest import Scores, Series, backtest, counts_of, series_of
from flead.ingest.csv_folder import csv_folder
from flead.ingest.skab import skab
from flead.learning.drift.observe import LASTING
from flead.learning.metrics import Confusion
from flead.learning.strategies import STRATEGIES
from flead.settings import Settings
from flead.shard.shard import Shard
from tests.ingest.drain import real_data

DRIFT = Settings(learner="drift")


experiments = cache(lambda: series_of(skab("skab", real_data("skab"))))


@cache
def scored(training: int = 400, peers: int | None = None) -> list[Scores]:
    """Several tests ask for the same backtest."""
    return backtest(experiments(), DRIFT, Shard, STRATEGIES["peers"]() if peers else None, training, peers)


def areas(experiments: Sequence[Series], found: Sequence[Scores]) -> list[float]:
    """The area under the ROC curve of every experiment's test rows: how well its scores order them."""
    result = []
    for each, said in zip(experiments, found, strict=True):
        labels, score = each.labels[said.trained :], said.score[said.trained :]
        ranks = np.argsort(np.argsort(score, kind="stable"), kind="stable") + 1
        found_, none = np.count_nonzero(labels == 1), np.count_nonzero(labels == 0)
        result.append((ranks[labels == 1].sum() - found_ * (found_ + 1) / 2) / (found_ * none))
    return result


def test_the_federated_detector_reaches_its_figures() -> None:
    counts = counts_of(experiments(), scored(peers=400))
    assert counts.f1 > 0.83
    assert counts.false_alarm_rate < 0.17
    assert counts.missed_alarm_rate < 0.20


def test_peers_are_worth_it() -> None:
    alone = counts_of(experiments(), scored())
    assert alone.f1 > 0.75
    assert counts_of(experiments(), scored(peers=400)).f1 > alone.f1 + 0.03


def test_peers_protect_a_device_that_joins() -> None:
    joined, alone = scored(50, peers=400), scored(50)
    assert np.mean(areas(experiments(), joined)) > 0.83
    assert counts_of(experiments(), joined).f1 > counts_of(experiments(), alone).f1 + 0.05
    assert counts_of(experiments(), joined).false_alarm_rate < 0.5 * counts_of(experiments(), alone).false_alarm_rate


free = cache(lambda: series_of(csv_folder("csv:anomaly-free", real_data("skab") / "anomaly-free"))[0])


@pytest.mark.parametrize("federated", [False, True])
def test_a_long_run_without_anomalies_stays_quiet(federated: bool) -> None:
    """9,405 readings; 2,000 of them train, for it takes the testbed so long to warm up. Its peers have 400."""
    series = [free(), *experiments()] if federated else [free()]
    said = backtest(series, DRIFT, Shard, STRATEGIES["peers"]() if federated else None, 2000, 400)[0]
    assert len(free().times) == 9405
    assert said.anomalous[2000:].mean() < 0.02


def test_an_alarm_that_400_rows_do_not_explain_ends() -> None:
    [said] = backtest([free()], DRIFT, Shard, None, 400)
    assert said.anomalous[400:].mean() < 0.75
    assert (np.diff(np.flatnonzero(~said.anomalous)) < 2 * LASTING).all()


def disguised(experiments: Sequence[Series]) -> list[Series]:
    """The same readings with other labels, at other times of day, of devices of other names and in another order."""
    rng = np.random.default_rng(1)
    return [
        each._replace(device=f"x{number}", labels=rng.permutation(each.labels), times=each.times + 10_000_000 * number)
        for number, each in enumerate(experiments)
    ]


def leaks(experiments: Sequence[Series], judge: Callable[[Sequence[Series]], list[Scores]]) -> bool:
    """Whether scores depend on anything but the readings' values and their order within a device."""
    return any(
        one.score.tobytes() != other.score.tobytes()
        for one, other in zip(judge(experiments), judge(disguised(experiments)), strict=True)
    )


def test_no_label_time_or_name_reaches_the_learner() -> None:
    some = [each._replace(times=each.times[:600], values=each.values[:600], labels=each.labels[:600])
            for each in experiments()[:5]]  # fmt: skip

    def judge(series: Sequence[Series]) -> list[Scores]:
        return backtest(series, DRIFT, Shard, STRATEGIES["peers"](), 200)

    def with_labels(series: Sequence[Series]) -> list[Scores]:
        return [
            said._replace(score=said.score + 1e-12 * each.labels)
            for each, said in zip(series, judge(series), strict=True)
        ]

    def with_times(series: Sequence[Series]) -> list[Scores]:
        planted = [
            each._replace(values=each.values + 1e-9 * (each.times[:, np.newaxis] // 1000 % 86_400)) for each in series
        ]
        return judge(planted)

    assert not leaks(some, judge)
    assert leaks(some, with_labels)
    assert leaks(some, with_times)


def test_the_place_in_the_recording_says_nothing() -> None:
    """SKAB's anomalies come late: a rule on the row's number has F1 .93. Without them nothing rises with the row."""
    rng = np.random.default_rng(2)
    noise = [
        each._replace(values=rng.normal(each.values[:400].mean(axis=0), 1.0, each.values.shape))
        for each in experiments()
    ]
    found = backtest(noise, DRIFT, Shard, STRATEGIES["peers"](), 400)
    assert abs(np.mean(areas(noise, found)) - 0.5) < 0.1
    counts: Confusion = counts_of(noise, found)
    assert abs(counts.false_alarm_rate - (1 - counts.missed_alarm_rate)) < 0.1
