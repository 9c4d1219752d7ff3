"""The period is found in the signal itself, and only where there is one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.season import LONGEST, SIZE_OF_SEASON, expected, find_period, remember

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
