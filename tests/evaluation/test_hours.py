"""Hours of devices are what numpy says of them, in however many parts their readings come."""

from itertools import pairwise

import numpy as np
import pytest

from flead.columns import Batch
from flead.evaluation.hours import HOUR, Hours, flagged, hours_of, merged

START = 1_762_528_951_337


def readings(count: int, level: float = 20.0) -> Batch:
    rng = np.random.default_rng(7)
    values = rng.normal(level, 1.5, (count, 2))
    values[rng.random((count, 2)) < 0.2] = np.nan
    times = START + np.sort(rng.integers(0, 5 * HOUR // 2, count))
    return Batch(rng.integers(0, 3, count).astype(np.int32), times, values, np.zeros(count, np.int8))


@pytest.mark.parametrize("level", [20.0, -1e9])
def test_they_are_the_moments_of_every_device_channel_and_hour(level: float) -> None:
    batch = readings(4000, level)
    found = hours_of(batch)
    keys = set(zip(found.rows.tolist(), found.channels.tolist(), found.hours.tolist(), strict=True))
    assert len(keys) == len(found.rows) == 3 * 2 * 3
    for i in range(len(found.rows)):
        mine = (batch.rows == found.rows[i]) & (batch.times // HOUR * HOUR == found.hours[i])
        values, times = batch.values[mine, found.channels[i]], (batch.times[mine] - found.hours[i]) / HOUR
        values, times = values[~np.isnan(values)], times[~np.isnan(values)]
        assert found.readings[i] == len(values)
        assert (found.minimum[i], found.maximum[i]) == (values.min(), values.max())
        assert found.mean[i] == pytest.approx(values.mean(), rel=1e-15)
        assert np.sqrt(found.square_sum[i] / len(values)) == pytest.approx(values.std(), rel=1e-6)
        slope = np.polyfit(times - times.mean(), values - values.mean(), 1)[0]
        assert found.product_sum[i] / found.time_square_sum[i] == pytest.approx(slope, rel=1e-5, abs=1e-5)
    assert not found.anomalies.any()


def test_parts_merge_to_the_whole() -> None:
    batch = readings(3000, 1e6)
    whole = hours_of(batch)
    cuts = [0, 1, 2, 900, 901, 2500, 3000]
    parts = merged([hours_of(batch.part(start, stop)) for start, stop in pairwise(cuts)])
    for name in Hours._fields:
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-9, atol=1e-6, err_msg=name)
    assert parts.readings.tolist() == whole.readings.tolist()


def test_anomalies_count_where_their_readings_do() -> None:
    batch = readings(500)
    which = np.flatnonzero(~np.isnan(batch.values[:, 1]))[:20]
    alarms = flagged(batch.rows[which], np.ones(20, np.int16), batch.times[which])
    assert alarms.anomalies.sum() == 20
    assert not alarms.readings.any()
    both = merged([hours_of(batch), alarms])
    alone = hours_of(batch)
    assert both.anomalies.sum() == 20
    for name in ("readings", "mean", "square_sum", "product_sum", "minimum", "maximum"):
        np.testing.assert_array_equal(getattr(both, name), getattr(alone, name), err_msg=name)
    # Before its readings are there, an hour has no moments.
    assert alarms.mean.tolist() == [0.0] * len(alarms.rows)
    assert np.isposinf(alarms.minimum).all()


def test_nothing_makes_no_hours() -> None:
    assert len(hours_of(readings(0)).rows) == 0
