"""A signal that only rises is a counter, until it falls again and again."""

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.tail.counting import FALLS, FELL, LATE, RAW, RISES, ROSE, SIZE_OF_COUNTER, count

AT = np.uintp(0), np.uintp(0), 0


def counted(values: list[float], signal: NDArray[np.float64] | None = None) -> tuple[NDArray[np.float64], list[int]]:
    """The state after these readings, and at which of them what is looked at became another thing."""
    first = signal is None
    signal = np.zeros((1, 1, SIZE_OF_COUNTER)) if signal is None else signal
    turns = []
    for i, value in enumerate(values):
        if count(signal, *AT, value, first and i == 0):
            turns.append(i)
        signal[0, 0, RAW] = value
    return signal, turns


def test_the_fiftieth_rise_makes_a_counter() -> None:
    signal, turns = counted([float(i) for i in range(RISES + 10)])
    assert turns == [RISES]
    assert signal[0, 0].tolist() == [RISES + 9, RISES, 0.0]


def test_the_same_value_again_is_neither_a_rise_nor_a_fall() -> None:
    signal, turns = counted([float(i // 2) for i in range(2 * RISES)])
    assert turns == []
    assert signal[0, 0, ROSE] == RISES - 1


def test_one_fall_before_that_and_it_never_is_one() -> None:
    signal, turns = counted([0.0, 1.0, 0.5, *map(float, range(1, 200))])
    assert turns == []
    assert signal[0, 0, ROSE] == -1


def test_a_counter_that_starts_anew_remains_one() -> None:
    signal, _ = counted([float(i) for i in range(RISES + 1)])
    signal, turns = counted([0.0, 1.0], signal)
    assert turns == []
    assert signal[0, 0, ROSE] == RISES
    assert signal[0, 0, FELL] == pytest.approx(1.0 - LATE)


def test_the_fourth_fall_in_a_row_is_one_too_many() -> None:
    # Each fall is worth 1 and what is left of the ones before; after the third that is just below 3.
    signal, _ = counted([float(i) for i in range(RISES + 1)])
    signal, turns = counted([40.0, 30.0, 20.0], signal)
    assert turns == []
    assert signal[0, 0, FELL] == pytest.approx(1 + (1 - LATE) * (1 + (1 - LATE)))
    assert signal[0, 0, FELL] < FALLS
    signal, turns = counted([10.0, 0.0], signal)
    assert turns == [0]
    assert signal[0, 0, ROSE] == -1
