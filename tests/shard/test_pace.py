"""How often devices speak is found out from their times, whatever these are like."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.columns import Batch
from flead.settings import Settings
from flead.shard.pace import DAY, SPARSE, Pace
from flead.shard.shard import Shard
from tests.shard.streams import START

COUNT = 1000
MINUTE, HOUR = 60_000, 3_600_000


def every(times: NDArray[np.int64], alarms_per_day: float = 1.0, readings_per_day: float | None = None) -> list[float]:
    """The readings an alarm after each of a device's readings."""
    pace = Pace(alarms_per_day, readings_per_day)
    pace.grow(1)
    found: list[float] = pace.follow(np.zeros(len(times), np.int32), times.astype(np.int64)).tolist()
    return found


def regular(gap: int, count: int = COUNT) -> NDArray[np.int64]:
    return START + gap * np.arange(count)


@pytest.mark.parametrize(
    ("gap", "alarms", "wanted"),
    [(1000, 1, 86_400), (5 * MINUTE, 1, 288), (5 * MINUTE, 2, 144), (HOUR, 1, SPARSE), (HOUR, 0.1, 240), (1, 1, DAY)],
)
def test_a_device_that_speaks_regularly_is_known_after_ten_readings(gap: int, alarms: float, wanted: float) -> None:
    found = every(regular(gap), alarms)
    assert found[:10] == [1440 / alarms] * 10
    assert found[10:] == [wanted] * (COUNT - 10)


def test_what_is_set_is_not_found_out() -> None:
    assert every(regular(1000), 2.0, 10.0) == [5.0] * COUNT


def poisson(times: NDArray[np.int64]) -> NDArray[np.int64]:
    gaps = np.random.default_rng(0).exponential(5 * MINUTE, len(times)).astype(np.int64)
    return START + np.cumsum(gaps)


def stepping_back(times: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(np.arange(len(times)) % 300 > 200, times - HOUR, times)


def in_another_order(times: NDArray[np.int64]) -> NDArray[np.int64]:
    return times.reshape(-1, 2)[:, ::-1].ravel()


ODD: dict[str, tuple[Callable[[NDArray[np.int64]], NDArray[np.int64]], float]] = {
    "a third is missing": (lambda times: times[np.random.default_rng(1).random(len(times)) > 0.33], 288 * 0.67),
    "random": (poisson, 288),
    "in pairs": (lambda times: times // (10 * MINUTE) * 10 * MINUTE, 288),
    "whole hours": (lambda times: times // HOUR * HOUR, 288),
    "a day is missing every hundred": (lambda times: times + np.arange(len(times)) // 100 * 24 * HOUR, 288),
    "the clock is set": (stepping_back, 288),
    "pairs are swapped": (in_another_order, 288),
    "a year too early at first": (lambda times: np.where(np.arange(len(times)) < 3, times - 10**10, times), 288),
    "a year too late at first": (lambda times: np.where(np.arange(len(times)) < 3, times + 10**10, times), 288),
}


@pytest.mark.parametrize("form", ODD)
def test_odd_times_are_survived(form: str) -> None:
    odd, wanted = ODD[form]
    found = np.array(every(odd(regular(5 * MINUTE)))[50:])
    assert np.median(found) == pytest.approx(wanted, rel=0.15)
    assert (found > wanted / 2.5).all()
    assert (found < wanted * 2.5).all()


def test_a_clock_that_stands_still_says_nothing() -> None:
    assert every(np.full(COUNT, START)) == [1440] * COUNT


def test_a_changed_pace_is_known_thirty_readings_later() -> None:
    found = every(
        np.concatenate([regular(5 * MINUTE, 101), regular(5 * MINUTE, 101)[-1] + regular(1000) - START + 1000])
    )
    assert found[100] == 288
    assert found[131] == 86_400


@pytest.mark.parametrize("cuts", [[1], [9, 10, 11, 12], range(1, COUNT)])
def test_another_clock_and_other_batches_change_no_bit(cuts: list[int]) -> None:
    times, rows = poisson(regular(1)), np.random.default_rng(2).integers(0, 7, COUNT).astype(np.int32)
    whole, parts = Pace(1.0, None), Pace(1.0, None)
    whole.grow(7)
    parts.grow(7)
    said = whole.follow(rows, times)
    later = [
        parts.follow(rows[begin:end], times[begin:end] + 977_000_123) for begin, end in pairwise([0, *cuts, COUNT])
    ]
    assert np.concatenate(later).tobytes() == said.tobytes()


@pytest.mark.parametrize(("gap", "day"), [(1000, 86_400), (5 * MINUTE, 288), (HOUR, 24)])
def test_a_quiet_device_raises_about_as_many_alarms_a_day_as_asked_for(gap: int, day: int) -> None:
    # As many as make one alarm in 300 readings, whatever the time between them.
    settings, count = Settings(learner="tail", alarms_per_day=day / 300), 30_000
    shard = Shard(settings)
    shard.devices.add(["pump"])
    values = np.random.default_rng(5).normal(20, 1, (count, 1))
    batch = Batch(np.zeros(count, np.int32), regular(gap, count), values, np.full(count, -1, np.int8))
    outcome = shard.observe(batch)
    days = count / day
    assert 0.3 <= len(outcome.anomalies) / days / settings.alarms_per_day <= 1.7
    assert len(set(outcome.thresholds.tolist())) == 1
