"""The hourly analysis on real Spark: what is new, once."""

import json
from pathlib import Path

import numpy as np
import pytest

from flead.columns import Batch, Devices
from flead.evaluation.hours import HOUR, hours_of
from flead.records import to_text
from flead.settings import Settings
from tests.platform.spark.conftest import kill, rows, running, send
from tests.platform_fixtures import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

START = 1_762_516_800_000
STORED = """SELECT device_id, channel, broker_id, (extract(epoch FROM hour) * 1000)::bigint, readings, anomalies,
                   minimum, maximum, mean, std, trend
            FROM hourly_analytics ORDER BY 1, 2, 4"""


def fleet(count: int) -> Batch:
    """Forty devices over three hours, in order of time."""
    rng = np.random.default_rng(11)
    times = START + np.sort(rng.integers(0, 3 * HOUR, count))
    values = np.round(rng.normal(50, 3, (count, 1)), 3)
    return Batch(rng.integers(0, 40, count).astype(np.int32), times, values, np.zeros(count, np.int8))


def as_messages(batch: Batch) -> list[tuple[int, bytes, int]]:
    lines = zip(batch.rows.tolist(), batch.values[:, 0].tolist(), batch.times.tolist(), strict=True)
    return [
        (row % 16, json.dumps({"device_id": f"device_{row}", "data": value, "timestamp": to_text(time)}).encode(), time)
        for row, value, time in lines
    ]


def anomalies(batch: Batch) -> list[tuple[int, bytes, int]]:
    return [
        (partition % 4, json.dumps(json.loads(value) | {"channel": "value", "z_score": 3.0}).encode(), time)
        for partition, value, time in as_messages(batch)
    ]


def run(settings: Settings, log: Path) -> None:
    with running(settings, log, "analytics", "--once") as process:
        assert process.wait(300) == 0, log.read_text()[-3000:]


def test_hours_come_in_parts_and_are_right_though_a_run_is_killed(audited: Settings, tmp_path: Path) -> None:
    whole = fleet(24_000)
    flagged = whole.take(np.arange(0, 24_000, 50))
    log = tmp_path / "analytics.log"
    send(audited, "edge-iiot-stream", as_messages(whole.part(0, 15_000)))
    # Of all readings, those too that are not there yet.
    send(audited, "anomalies", [(0, b"no anomaly", 0), *anomalies(flagged)])
    with running(audited, log, "analytics", "--once") as process:
        stored = "SELECT count(*) FROM pipeline_state WHERE starts_with(key, 'analytics/edge-iiot-stream/')"
        there = "SELECT to_regclass('pipeline_state')"
        eventually(lambda: rows(audited, there) != [(None,)] and rows(audited, stored) != [(0,)], 300)
        kill(process)
    send(audited, "edge-iiot-stream", as_messages(whole.part(15_000, 24_000)))
    run(audited, log)
    assert "24000" not in log.read_text()  # the second run has not read all of it again

    found = rows(audited, STORED)
    devices = Devices()
    devices.add([f"device_{n}" for n in range(40)])
    hours = hours_of(whole)
    assert len(found) == len(hours.rows) == 120
    wanted = {
        (devices.id(row), hour): i for i, (row, hour) in enumerate(zip(hours.rows, hours.hours.tolist(), strict=True))
    }
    flags = {(devices.id(row), time // HOUR * HOUR): 0 for row, time in zip(flagged.rows, flagged.times, strict=True)}
    for row, time in zip(flagged.rows, flagged.times, strict=True):
        flags[devices.id(row), time // HOUR * HOUR] += 1
    for device, channel, broker, hour, readings, flagged_ones, minimum, maximum, mean, std, trend in found:
        i = wanted[device, hour]
        assert (channel, broker, flagged_ones) == ("value", 1, flags.get((device, hour), 0))
        assert (readings, minimum, maximum) == (hours.readings[i], hours.minimum[i], hours.maximum[i])
        assert mean == pytest.approx(hours.mean[i], rel=1e-12)
        assert std == pytest.approx(np.sqrt(hours.square_sum[i] / readings), rel=1e-9)
        assert trend == pytest.approx(hours.product_sum[i] / hours.time_square_sum[i], rel=1e-6)
