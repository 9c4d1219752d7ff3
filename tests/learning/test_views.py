"""Each view of a signal by figures worked out by hand, on the shortest signal that shows it."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.tail.counting import RISES
from flead.learning.tail.evidence import SIZE_OF_SIGNAL
from flead.learning.tail.season import SIZE_OF_SEASON
from flead.learning.tail.views import (
    CHANGES,
    COUNT,
    CROSSINGS,
    HIGH,
    LARGEST,
    LEVEL,
    LOW,
    RANGE_MEMORY,
    SINCE,
    SPREAD,
    STEP,
    VIEWS,
    look,
    rate,
    rhythm,
)

AT = np.uintp(0), np.uintp(0)


class Signal:
    """One signal and what its last reading looked like."""

    def __init__(self) -> None:
        self.signals = np.zeros((1, 1, SIZE_OF_SIGNAL))
        self.seasons = np.zeros((1, 1, SIZE_OF_SEASON), np.float32)

    def see(self, *values: float) -> dict[str, float]:
        """The views of the last of these readings."""
        views = np.empty(len(VIEWS))
        for value in values:
            look(self.signals, self.seasons, *AT, value, views)
        return dict(zip(VIEWS, views.tolist(), strict=True))

    def __getitem__(self, place: int) -> float:
        return float(self.signals[0, 0, place])


def test_the_first_reading_is_its_own_level_and_range() -> None:
    signal = Signal()
    views = signal.see(7.0)
    assert [signal[place] for place in (LEVEL, HIGH, LOW, SPREAD, STEP, COUNT)] == [7.0, 7.0, 7.0, 0.0, 0.0, 1.0]
    assert [views[name] for name in ("difference", "range", "level", "season", "stillness")] == [0.0] * 5
    assert views["rhythm"] == -1.0


def test_the_level_is_the_mean_at_first() -> None:
    """Weights 1, 1/2, 1/3: 2, 4 and 9 have the mean 5, which no reading after the tenth would move as far."""
    signal = Signal()
    signal.see(2.0, 4.0, 9.0)
    assert signal[LEVEL] == pytest.approx(5.0)


def test_steps_are_judged_by_the_usual_step() -> None:
    """0 and 1 in turn: each step is 1, so is the usual one, and a step of 5 is five times as large."""
    signal = Signal()
    signal.see(*[float(i % 2) for i in range(400)])
    assert signal.see(0.0)["difference"] == pytest.approx(1.0, rel=0.02)
    assert signal.see(5.0)["difference"] == pytest.approx(5.0, rel=0.02)


def test_standing_still_changes_nothing_about_the_usual_step() -> None:
    signal = Signal()
    signal.see(*[float(i % 2) for i in range(400)])
    before = signal[STEP]
    signal.see(*[1.0] * 100)
    assert signal[STEP] == before


def test_the_range_is_what_was_and_shrinks_slowly() -> None:
    signal = Signal()
    signal.see(*[float(i % 2) for i in range(400)])
    assert signal.see(0.5)["range"] == 0.0
    high, low, level, spread = signal[HIGH], signal[LOW], signal[LEVEL], math.sqrt(signal[SPREAD])
    assert signal.see(3.0)["range"] == pytest.approx(
        (3.0 - high) / max(spread, 0.5 * math.sqrt(signal[STEP])), rel=0.05
    )
    assert signal[HIGH] == 3.0
    assert signal[LOW] == pytest.approx(low + (level - low) / RANGE_MEMORY)


def test_stillness_counts_the_readings_without_a_change() -> None:
    signal = Signal()
    assert signal.see(1.0, 2.0)["stillness"] == 0.0
    assert signal.see(2.0, 2.0, 2.0)["stillness"] == 3.0
    assert signal.see(3.0)["stillness"] == 0.0
    assert signal[CHANGES] == 3  # the first reading, 2 and 3


def test_a_rhythm_that_stays_is_no_news_and_another_is() -> None:
    """A crossing every 8 readings for long, then one after 2: the last few move by a quarter of ln 2 - ln 8."""
    signal = Signal()
    for _ in range(400):
        signal.signals[0, 0, SINCE] = 8.0
        usual = rhythm(signal.signals, *AT)
    assert usual == pytest.approx(0.0, abs=1e-12)
    signal.signals[0, 0, SINCE] = 2.0
    assert rhythm(signal.signals, *AT) == pytest.approx(0.25 * math.log(4.0))
    assert signal[CROSSINGS] == 401


def test_no_view_has_a_unit() -> None:
    rng = np.random.default_rng(0)
    values: NDArray[np.float64] = rng.normal(0, 1, 500)
    seen = [list(Signal().see(*(values * scale).tolist()).values()) for scale in (1.0, 1024.0)]
    # The first readings, which have no spread yet, are known to within a floor that has a unit.
    assert seen[0] == pytest.approx(seen[1], rel=0.03)


def test_no_view_is_larger_than_the_largest() -> None:
    signal = Signal()
    signal.see(*[float(i % 2) for i in range(50)])
    assert max(signal.see(1e100).values()) <= LARGEST


def test_of_a_counter_the_rise_is_looked_at() -> None:
    """Of a restart nobody knows how much it rose: its level is taken for it."""
    signal = Signal()
    seen = []
    for value in [*map(float, range(0, 3 * RISES + 3, 3)), 1000.0, 10.0]:
        seen.append(rate(signal.signals, signal.seasons, *AT, value))
        signal.signals[0, 0, COUNT] += 1
        signal.signals[0, 0, LEVEL] = 4.5
    assert seen[RISES - 1] == (3.0 * RISES - 3, 0.0)
    assert seen[RISES] == (3.0, 3.0 * RISES - 3)  # since the reading before
    assert seen[-2] == (1000.0 - 3 * RISES, 3.0 * RISES)
    assert seen[-1] == (4.5, 1000.0)
