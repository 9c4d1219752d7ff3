"""Rolling statistics against exact arithmetic: a float is a fraction, and fractions do not round."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from flead.learning.learner import Trainings
from flead.learning.rules import Rules
from flead.learning.zscore.learner import ZScore
from flead.learning.zscore.windows import MEAN, RING, STD, push, window

thorough = settings(deadline=None, derandomize=True, max_examples=200, database=None)


def exact(window: Sequence[float]) -> tuple[Fraction, float]:
    """Mean and floored population std; the latter's only roundings are those of the last conversion and of sqrt."""
    numbers = [Fraction(value) for value in window]
    mean = sum(numbers, Fraction()) / len(numbers)
    variance = sum((number - mean) ** 2 for number in numbers) / len(numbers)
    return mean, max(math.sqrt(variance), 1e-6 * max(1.0, abs(float(mean))))


def assert_right(window: Sequence[float], mean: float, std: float, within: float = 1e-10) -> None:
    right_mean, right_std = exact(window)
    assert std == pytest.approx(right_std, rel=within, abs=0)
    # A few ulps of the largest value: 1e-14 of it.
    assert abs(Fraction(mean) - right_mean) <= Fraction(1e-14) * Fraction(max(map(abs, window))), "mean"


def assert_right_all_along(values: Iterable[float], width: int = 100, every: int = 1) -> None:
    signals, seen = np.zeros((1, 1, RING + width)), []
    for number, value in enumerate(values):
        seen.append(float(value))
        push(signals, 0, 0, float(value))
        if number % every == 0:
            mean, std = signals[0, 0, [MEAN, STD]].tolist()
            assert_right(seen[-width:], mean, std)


N = 700
NOISE = np.random.default_rng(0).normal(0, 1, N)
COUNT = np.arange(N)


def spikes(height: float) -> NDArray[np.float64]:
    """Unit noise with spikes that enter and leave the window, now alone and now in pairs."""
    return np.where((COUNT % 130 == 20) | (COUNT % 170 == 60), height, NOISE)


SIGNALS = {
    "noise": NOISE,
    "a random walk at 1e9": 1e9 + np.cumsum(NOISE * 1e4),
    "a slow walk at 1e9": 1e9 + np.cumsum(NOISE),
    "single digits at 1e9": 1e9 + np.round(NOISE * 3e3),
    "spikes of 30": spikes(30.0),
    "spikes of 300": spikes(300.0),
    "spikes of 1e4": spikes(1e4),
    "spikes of 1e9": spikes(1e9),
    "spikes of -1e100": spikes(-1e100),
    "a level of 1e9 and back": np.where(COUNT // 160 % 2, 1e9, 0.0),
    "a noisy level of 1e9 and back": np.where(COUNT // 160 % 2, 1e9, 0.0) + NOISE,
    "short levels": np.where(COUNT // 37 % 2, 40.0, 0.0) + NOISE,
    "a constant": np.full(N, 0.1),
    "a constant of 1e9": np.full(N, 1e9 + 0.3),
    "a constant that jumps once": np.where(COUNT == 250, 0.1 + 1e-5, 0.1),
    "nothing": np.zeros(N),
    "alternating signs": np.where(COUNT % 2, 1e9, -1e9) + NOISE,
    "alternating magnitudes": np.where(COUNT % 2, 1e9, 1e-9),
    "billionths": NOISE * 1e-9,
    "thousandths": NOISE * 1e-3,
    "1e100": NOISE / np.abs(NOISE).max() * 1e100,
    "every magnitude": 10.0 ** (COUNT * 7 % 200 - 100.0),
    "falling for ever": 1e100 * 0.5**COUNT,
    "rising for ever": 1e-100 * 1.9**COUNT,
    "a ramp at 1e9": 1e9 + COUNT * 3.7,
    "a parabola": COUNT**2.0,
}


@pytest.mark.parametrize("name", SIGNALS)
def test_right_at_every_step(name: str) -> None:
    assert np.abs(SIGNALS[name]).max() <= 1e100
    assert_right_all_along(SIGNALS[name], every=3)


@pytest.mark.parametrize("width", [2, 3, 1000])
def test_right_at_other_widths(width: int) -> None:
    assert_right_all_along(spikes(1e6) + 1e3, width, every=7)
    assert_right_all_along(SIGNALS["a noisy level of 1e9 and back"], width, every=7)


values = st.one_of(
    st.floats(-1e100, 1e100, allow_subnormal=True),
    st.sampled_from([0.0, 1.0, -1.0, 30.0, 1e3, 1e6, 1e9, 1e9 + 1, -1e9, 1e-9]),
    st.floats(0.99, 1.01),
)


@thorough
@given(st.lists(values, min_size=1, max_size=40), st.integers(2, 9))
@example([0.0] + [1e-160] * 5, 3)
def test_right_whatever_comes(signal: list[float], width: int) -> None:
    assert_right_all_along(signal, width)


@pytest.mark.parametrize("name", ["at 1e9", "a walk", "spikes", "a sawtooth far from where it began"])
def test_right_after_a_million_updates(name: str) -> None:
    count, rng = 1_000_000, np.random.default_rng(1)
    noise = rng.normal(0, 1e4, count)
    signal = {
        "at 1e9": 1e9 + noise,
        "a walk": np.cumsum(noise),
        "spikes": np.where(rng.random(count) < 0.01, 1e9, noise),
        # Its rounding errors repeat with it, and add up.
        "a sawtooth far from where it began": np.where(np.arange(count) == 0, 30, 0.3 + np.arange(count) % 7 * 0.1),
    }[name]
    learner = ZScore(Rules())
    learner.grow(devices=1, channels=1)
    none = Trainings(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int64))
    judged, _ = learner.observe(np.zeros(count, np.int32), signal[:, None], np.full(count, -1, np.int8), none)
    for i in [*range(999_900, 1_000_000, 9), *rng.integers(100, count, 50).tolist()]:
        # What a reading is judged by is the window before it.
        assert_right(signal[i - 100 : i].tolist(), judged.mean[i, 0].item(), judged.std[i, 0].item(), within=1e-12)


def test_values_are_kept_oldest_first() -> None:
    signals = np.zeros((2, 3, RING + 4))
    for value in range(7):
        push(signals, 1, 2, float(value))
        assert window(signals[1, 2]).tolist() == [*range(max(0, value - 3), value + 1)]
    assert window(signals[0, 2]).tolist() == []


def test_growing_keeps_what_is_there() -> None:
    learner = ZScore(Rules(window=4))
    learner.grow(devices=1, channels=1)
    push(learner.state.signals, 0, 0, 5.0)
    record = learner.state.signals[0, 0].copy()
    learner.grow(devices=3, channels=2)
    learner.grow(devices=1, channels=1)
    assert learner.state.signals.shape == (3, 2, RING + 4)
    assert learner.state.signals[0, 0].tolist() == record.tolist()
    assert learner.state.signals.sum() == record.sum()
