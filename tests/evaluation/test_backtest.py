"""The protocol of a backtest: what trains, what is tested, and what nobody may see."""

import numpy as np
import pytest

from flead.columns import Chunk
from flead.evaluation.backtest import Scores, Series, backtest, counts_of, series_of
from flead.ingest.simulated import SimulatedSource
from flead.learning.metrics import Confusion
from flead.learning.strategies import STRATEGIES
from flead.settings import Settings
from flead.shard.shard import Shard


def a_series(number: int, count: int = 300) -> Series:
    rng = np.random.default_rng(number)
    values = rng.normal(number, 1 + number, (count, 2))
    values[250:] += 10 * (1 + number)
    labels = (np.arange(count) >= 250).astype(np.int8)
    return Series(f"pump_{number}", ("flow", "pressure"), np.arange(count) * 1000, values, labels)


def test_a_source_by_device() -> None:
    series = series_of(Limited(3, 600))
    assert [each.device for each in series] == ["device_0", "device_1", "device_2"]
    assert sum(len(each.times) for each in series) == 600
    assert all(each.values.shape == (len(each.times), len(each.channels)) for each in series)


class Limited(SimulatedSource):
    """A fleet that falls silent."""

    def __init__(self, devices: int, readings: int) -> None:
        super().__init__(devices, 1, 0)
        self.left = readings

    def next_batch(self, limit: int, until: int | None) -> Chunk | None:  # type: ignore[override]
        if self.left == 0:
            return None
        chunk = super().next_batch(min(limit, self.left), until)
        self.left -= chunk.batch.size + len(chunk.rejected)
        return chunk


def test_every_reading_is_scored_and_the_rest_is_tested() -> None:
    series = [a_series(number) for number in range(3)]
    scores = backtest(series, Settings(), Shard, None, training=100)
    assert [len(each.score) for each in scores] == [300] * 3
    assert counts_of(series, scores).total == 600
    [short] = backtest([a_series(0, 40)], Settings(), Shard, None, training=100)
    assert short.trained == 40


def test_the_rest_is_counted() -> None:
    series = a_series(0, 4)._replace(labels=np.array([1, 0, -1, 1], np.int8))
    said = Scores(np.zeros(4), np.array([True, True, True, False]), trained=1)
    assert counts_of([series], [said]) == Confusion(0, 1, 0, 1)


@pytest.mark.parametrize("strategy", [None, "fedbuff"])
def test_labels_and_times_beyond_the_schedule_change_nothing(strategy: str | None) -> None:
    """A learner that saw a label or the time of day would score otherwise here."""
    series = [a_series(number) for number in range(3)]
    rng = np.random.default_rng(5)
    blind = [
        each._replace(labels=rng.permutation(each.labels), times=each.times + 86_400_000 * (7 + number))
        for number, each in enumerate(series)
    ]
    merging = STRATEGIES[strategy]() if strategy else None
    for one, other in zip(
        backtest(series, Settings(learner="logistic"), Shard, merging, training=100),
        backtest(blind, Settings(learner="logistic"), Shard, merging, training=100),
        strict=True,
    ):
        assert one.score.tobytes() == other.score.tobytes()
