"""When devices train: figures derived by hand, and agreement with a clock that looks at everybody every second."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flead.shard.schedule import Schedule
from tests.shard import reference
from tests.shard.shapes import thorough

HOUR = 3600_000
Reading = tuple[int, int]  # (device, milliseconds)
Training = tuple[int, int, int, int, int]  # (ends before reading, device, its number, samples, milliseconds)


def trainings(readings: list[Reading], train_readings: int = 50, train_seconds: int = 60) -> list[Training]:
    schedule = Schedule(train_readings, train_seconds)
    schedule.grow(10)
    rows, times = zip(*readings, strict=True)
    planned, versions = schedule.plan(np.array(rows, np.int32), np.array(times, np.int64))
    columns = (planned.positions, planned.rows, versions, planned.samples, planned.times)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param([(0, 0)] * 49, [], id="49 readings are too few"),
        pytest.param([(0, 0)] * 50, [(50, 0, 1, 50, 0)], id="the fiftieth reading trains"),
        pytest.param([(0, 0)] * 101, [(50, 0, 1, 50, 0), (100, 0, 2, 50, 0)], id="and the hundredth"),
        pytest.param([(0, 0), (1, 59_999)], [], id="a minute is not yet over"),
        pytest.param([(0, 0), (1, 60_000)], [(1, 0, 1, 1, 60_000)], id="a minute is over on the second"),
        pytest.param([(0, 1), (1, 60_999)], [], id="time is up between two ticks"),
        pytest.param([(0, 1), (1, 61_000)], [(1, 0, 1, 1, 61_000)], id="and seen at the next"),
        pytest.param([(0, 1), (0, 60_001)], [(2, 0, 1, 2, 60_001)], id="its own reading need not wait for a tick"),
        pytest.param([(0, 0), (0, 60_001)], [(1, 0, 1, 1, 60_000)], id="but comes after a tick that was due"),
        pytest.param(
            [(0, 0), (1, 200), (2, 100), (3, HOUR)],
            [(3, 0, 1, 1, 60_000), (3, 1, 1, 1, 61_000), (3, 2, 1, 1, 61_000)],
            id="hours pass: by tick, then by row",
        ),
        pytest.param(
            [(0, 0), (1, HOUR), (0, HOUR), (0, HOUR + 1)],
            [(1, 0, 1, 1, 60_000), (3, 0, 2, 1, HOUR)],
            id="after a long silence the first word trains",
        ),
        pytest.param([(0, 0), (1, 5 * HOUR), (2, 9 * HOUR)], [(1, 0, 1, 1, 60_000), (2, 1, 1, 1, 5 * HOUR + 60_000)],
                     id="no readings, no training"),
        pytest.param([(0, 100_000), (1, 40_000), (2, 160_000)], [(2, 0, 1, 1, 160_000), (2, 1, 1, 1, 160_000)],
                     id="a late reading counts from the clock"),
        pytest.param([(0, 100_000), (1, 160_500), (0, 90_000)], [(1, 0, 1, 1, 160_000)], id="time does not run back"),
        pytest.param([(0, -60_500), (1, 0)], [(1, 0, 1, 1, 0)], id="across the epoch"),
    ],
)  # fmt: skip
def test_by_hand(readings: list[Reading], expected: list[Training]) -> None:
    assert trainings(readings) == expected


def test_a_device_that_trained_on_enough_readings_has_its_minute_again() -> None:
    readings = [(0, 0)] + [(0, 30_000)] * 49 + [(0, 40_000), (1, 61_000), (1, 89_999), (1, 90_000)]
    assert trainings(readings)[:2] == [(50, 0, 1, 50, 30_000), (53, 0, 2, 1, 90_000)]


gaps = st.sampled_from([0, 1, 400, 999, 1000, 1001, 2500, 7000, 63_000, 64_000, 65_000, HOUR, -300, -5000])


@thorough
@given(
    steps=st.lists(st.tuples(st.integers(0, 9), gaps), min_size=1, max_size=120),
    start=st.sampled_from([0, 1_762_528_951_337, -123_456]),
    train_readings=st.sampled_from([1, 3, 50]),
    train_seconds=st.sampled_from([1, 2, 6, 60, 62]),
)
def test_agrees_with_a_clock_that_looks_at_everybody(
    steps: list[tuple[int, int]], start: int, train_readings: int, train_seconds: int
) -> None:
    times = (start + np.cumsum([gap for _, gap in steps])).tolist()
    readings = [(row, time) for (row, _), time in zip(steps, times, strict=True)]
    clock, expected = reference.Schedule(train_readings, train_seconds), []
    for i, (row, time) in enumerate(readings):
        expected += [(i, *ended) for ended in clock.before(time)]
        expected += [(i + 1, *ended) for ended in clock.after(row, time)]
    found = trainings(readings, train_readings, train_seconds)
    assert [(position, row, time) for position, row, _, _, time in found] == expected
