"""Hours that come in parts are the same as hours that come at once."""

from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from flead.storage.writing.hours import Row, merge_hours

pytestmark = pytest.mark.real

HOUR = 1_762_516_800_000  # 2025-11-07T12:00:00Z


def part(times: NDArray[np.float64], values: NDArray[np.float64], anomalies: int = 1) -> Row:
    """The moments of readings of device_1; times in hours."""
    from_mean, from_time = values - values.mean(), times - times.mean()
    squares = float(from_mean @ from_mean), float(times.mean()), float(from_time @ from_time)
    extremes = float(values.min()), float(values.max()), float(values.mean())
    return (HOUR, "device_1", "value", 1, len(values), anomalies, *extremes, *squares, float(from_mean @ from_time))


def measures(connection: psycopg.Connection[Any]) -> Any:
    columns = "readings, anomalies, minimum, maximum, mean, std, anomaly_rate, trend"
    return connection.execute(f"SELECT {columns} FROM hourly_analytics".encode()).fetchone()


@pytest.mark.parametrize("cuts", [[], [1], [500], [100, 101, 900]])
def test_parts_merge_to_the_measures_of_the_whole(connection: psycopg.Connection[Any], cuts: list[int]) -> None:
    chance = np.random.default_rng(3)
    times = np.sort(chance.random(1000))
    values = 1e6 + 7 * times + chance.normal(size=1000)
    for some in zip(np.split(times, cuts), np.split(values, cuts), strict=True):
        with connection.transaction(), connection.cursor() as cursor:
            merge_hours(cursor, [part(*some)])
    slope = np.polyfit(times, values - 1e6, 1)[0]
    parts = len(cuts) + 1
    expected = (1000, parts, values.min(), values.max(), values.mean(), values.std(), parts / 1000, slope)
    assert measures(connection) == pytest.approx(expected, rel=1e-9)


def test_readings_of_one_moment_have_no_trend(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        merge_hours(cursor, [part(np.array([0.5]), np.array([42.0]), anomalies=0)])
    assert measures(connection) == (1, 0, 42, 42, 42, 0, 0, None)


def test_nothing_is_no_change(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        merge_hours(cursor, [])
        merge_hours(cursor, [part(np.array([0.5]), np.array([42.0]))])
        merge_hours(cursor, [])  # the same transaction: what was merged is not merged again
    assert measures(connection)[0] == 1
