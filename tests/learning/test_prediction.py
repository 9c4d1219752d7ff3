"""Recursive least squares against the regression that it is, and on signals that teach it nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.tail.prediction import FORGETTING, ORDER, SIZE_OF_FILTER, WEIGHTS, residual


def residuals(signal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    state = np.zeros((1, 1, SIZE_OF_FILTER))
    said = [residual(state, np.uintp(0), np.uintp(0), 0, value, seen) for seen, value in enumerate(signal.tolist())]
    return np.array(said), state[0, 0]


def test_its_weights_are_those_of_weighted_least_squares() -> None:
    signal = np.random.default_rng(0).normal(size=400)
    _, state = residuals(signal)
    lags = np.stack([signal[ORDER - 1 - lag : len(signal) - 1 - lag] for lag in range(ORDER)], axis=1)
    ages = np.arange(len(lags) - 1, -1, -1)
    weights = FORGETTING**ages
    start = np.eye(ORDER) / 10.0 * FORGETTING ** len(lags)
    moments = (lags * weights[:, None]).T @ lags + start
    right = np.linalg.solve(moments, (lags * weights[:, None]).T @ signal[ORDER:])
    assert state[WEIGHTS : WEIGHTS + ORDER] == pytest.approx(right, abs=1e-9)


def test_an_autoregressive_signal_leaves_only_its_noise() -> None:
    noise = np.random.default_rng(1).normal(size=5000)
    signal = np.zeros(5000)
    for i in range(2, 5000):
        signal[i] = 1.6 * signal[i - 1] - 0.8 * signal[i - 2] + noise[i]
    said, _ = residuals(signal)
    assert said[1000:].std() == pytest.approx(1.0, rel=0.05)
    assert signal.std() > 2.5


@pytest.mark.parametrize("form", ["flat", "ramp", "steps"])
def test_it_stays_finite_where_nothing_moves(form: str) -> None:
    count = 100_000
    signal = {
        "flat": np.zeros(count),
        "ramp": np.linspace(-2.0, 2.0, count),
        "steps": np.repeat([0.0, 20.0, -20.0, 0.5], count // 4),
    }[form]
    said, state = residuals(signal)
    assert np.isfinite(state).all()
    assert np.abs(said).max() <= 100.0
    after, _ = residuals(np.concatenate([signal, np.random.default_rng(2).normal(size=1000)]))
    assert after[-500:].std() < 1.5
