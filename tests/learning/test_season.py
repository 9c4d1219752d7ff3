"""The period is found in the signal itself, and only where there is one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.tail.season import LONGEST, SIZE_OF_SEASON, begin, compare, expected, find_period, remember

AT = np.uintp(0), np.uintp(0)


def season_of(signal: NDArray[np.float64]) -> NDArray[np.float32]:
    season = np.zeros((1, 1, SIZE_OF_SEASON), np.float32)
    spread = float(signal.std())
    for seen, value in enumerate(signal.tolist()):
        remember(season, *AT, value, seen, 0, spread)
    return season


@pytest.mark.parametrize("period", [24, 48, 160, 288, 331])
def test_a_period_is_found_in_noise(period: int) -> None:
    rng = np.random.default_rng(period)
    shape = np.convolve(rng.normal(size=period), np.ones(8), mode="same")
    signal = 1e6 + 10 * np.resize(shape, 4000) + rng.normal(0, 5.0, 4000)
    found = find_period(season_of(signal - signal[0]), *AT, 4000, 0)
    assert any(abs(found - multiple * period) <= 1 for multiple in range(1, LONGEST // period + 1))


def test_a_week_of_half_hours_is_found_where_its_days_differ() -> None:
    rng = np.random.default_rng(0)
    days = np.where(np.arange(7 * 48) // 48 >= 5, 0.4, 1.0)
    signal = np.resize(days * (1.2 + np.sin(2 * np.pi * np.arange(336) / 48)), 5000) + rng.normal(0, 0.05, 5000)
    assert find_period(season_of(signal), *AT, 5000, 0) == 336


@pytest.mark.parametrize("seen", [192, 256, 320, 384])
def test_no_period_is_seen_before_it_has_passed_twice(seen: int) -> None:
    signal = np.random.default_rng(2).normal(size=seen)
    assert find_period(season_of(signal), *AT, seen, 0) == 0


@pytest.mark.parametrize("form", ["noise", "walk", "flat", "counter"])
def test_none_is_found_where_there_is_none(form: str) -> None:
    rng = np.random.default_rng(1)
    signal = {
        "noise": rng.normal(size=4000),
        "walk": np.cumsum(rng.normal(size=4000)),
        "flat": np.full(4000, 7.0),
        "counter": np.arange(4000.0),
    }[form]
    assert find_period(season_of(signal), *AT, 4000, 0) == 0


def test_yesterday_s_event_is_none_today() -> None:
    season = season_of(np.resize(np.sin(2 * np.pi * np.arange(48) / 48), 1968))
    quiet = expected(season, *AT, 1968, 48)
    remember(season, *AT, quiet + 1000.0, 1968, 48, 1.0)
    assert expected(season, *AT, 1968 + 48, 48) == pytest.approx(quiet, abs=0.3)


def test_a_night_is_judged_by_nights() -> None:
    """The same distance is rarer where the signal is usually closer to its season."""
    rng, season = np.random.default_rng(3), np.zeros((1, 1, SIZE_OF_SEASON), np.float32)
    season[0, 0, LONGEST : 2 * LONGEST] = 1.0
    begin(season, *AT, 48)
    for seen in range(48, 48 * 40):
        compare(season, *AT, seen, 48, float(rng.normal(0, 1.0 if seen % 48 >= 24 else 0.3)), 1e-9)
    night, day = compare(season, *AT, 48 * 40 + 10, 48, 2.0, 1e-9), compare(season, *AT, 48 * 40 + 34, 48, 2.0, 1e-9)
    assert night > 2 * day
