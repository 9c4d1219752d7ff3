"""Frames as a stream: the same bits however they are cut, saved or handed over one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import flead
from flead.learning.registry import LEARNERS

SECONDS = 450


def fleet(devices: int = 25, **options: Any) -> pl.DataFrame:
    frame: pl.DataFrame = flead.simulate(devices=devices, seconds=SECONDS, **options)
    return frame


def gappy() -> pl.DataFrame:
    """Devices that get channels as they go, with rows that say nothing."""
    rng = np.random.default_rng(3)
    frame = fleet(12)
    hidden = rng.random((frame.height, 3)) < 0.4
    lacking = dict(zip(("temperature", "humidity", "flow"), hidden.T, strict=True))
    return frame.with_columns(
        pl.when(pl.Series(mask)).then(None).otherwise(pl.col(name)).alias(name) for name, mask in lacking.items()
    )


def cut(frame: pl.DataFrame, seed: int) -> list[pl.DataFrame]:
    """In pieces of any size, some of one row, some of none."""
    rng, pieces, start = np.random.default_rng(seed), [], 0
    while start < frame.height:
        length = int(rng.choice([0, 1, 7, 500, 4_000]))
        pieces.append(frame.slice(start, length))
        start += length
    return pieces


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("make", [fleet, gappy])
def test_any_cut_gives_the_same_bits(learner: str, local: bool, make: Any):
    frame = make()
    one, other = (flead.Detector(learner, local=local, training_rows=60) for _ in range(2))
    whole = one.observe(frame)
    assert_frame_equal(pl.concat([other.observe(piece) for piece in cut(frame, seed=1)]), whole, check_exact=True)
    assert_frame_equal(other.alarms, one.alarms, check_exact=True)
    if local:
        assert other.take_updates() == one.take_updates()


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_saved_detector_goes_on_with_the_same_bits(learner: str, tmp_path: Path):
    # The second time just before devices hear of a global model.
    frame, last = fleet(), 8_190
    whole = flead.Detector(learner, training_rows=60)
    scored = whole.observe(frame)
    parted = flead.Detector(learner, training_rows=60)
    for piece in (frame[:1_000], frame[1_000:last]):
        parted.observe(piece)
        parted.save(tmp_path / "detector")
        parted = flead.Detector.load(tmp_path / "detector")
    assert_frame_equal(parted.observe(frame[last:]), scored[last:], check_exact=True)
    assert_frame_equal(parted.alarms, whole.alarms, check_exact=True)
    assert [path.name for path in tmp_path.iterdir()] == ["detector"]


@pytest.mark.parametrize("learner", LEARNERS)
def test_one_by_one_is_the_same_as_a_frame(learner: str):
    frame = fleet(3).drop("label")[:300]
    whole, single = flead.Detector(learner), flead.Detector(learner)
    scores = whole.observe(frame)["score"].to_list()
    found = []
    for row in frame.iter_rows(named=True):
        device, time = row.pop("device_id"), row.pop("timestamp")
        values = {channel: value for channel, value in row.items() if value is not None}
        found.append(single.score_one(values, device=device, time=time))
    assert found == scores


def test_devices_and_channels_may_come_at_any_time(tmp_path: Path):
    rng = np.random.default_rng(2)
    count = 3_000
    rows = pl.DataFrame({"device_id": rng.integers(0, 1 + np.arange(count) // 10), "value": rng.normal(5, 1, count)})
    late = pl.when(pl.int_range(pl.len()) > 2_000).then(pl.col("value").reverse())
    whole, parted = flead.Detector("zscore"), flead.Detector("zscore")
    scored, pieces = whole.observe(rows.with_columns(late=late)), []
    for start in range(0, count, 250):
        piece = rows.with_columns(late=late)[start : start + 250]
        pieces.append(parted.observe(piece.drop("late") if start < 2_000 else piece))
        parted.save(tmp_path / "detector")
        parted = flead.Detector.load(tmp_path / "detector")
    assert pl.concat(pieces, how="diagonal").select("score", "anomaly").equals(scored.select("score", "anomaly"))


def test_readings_without_times_are_a_second_apart():
    values = np.random.default_rng(5).normal(20, 1, 200)
    timed = pl.DataFrame({"value": values}).with_columns(
        timestamp=pl.from_epoch(pl.int_range(pl.len()), time_unit="s").cast(pl.Datetime("ms"))
    )
    one, other = flead.Detector("tail"), flead.Detector("tail")
    untimed = pl.concat([one.observe(timed.select("value")[start : start + 30]) for start in range(0, 200, 30)])
    assert untimed["score"].to_list() == other.observe(timed)["score"].to_list()


def test_a_row_without_any_value_is_no_reading():
    values = [20.0 + i % 3 for i in range(40)]
    frame = pl.DataFrame({"value": [*values[:20], None, *values[20:]]})
    with_gap = flead.Detector("zscore").observe(frame)
    without = flead.Detector("zscore").observe(pl.DataFrame({"value": values}))
    assert np.isnan(with_gap["score"][20])
    assert not with_gap["anomaly"][20]
    assert with_gap.filter(pl.col("value").is_not_null())["score"].to_list() == without["score"].to_list()


def test_a_damaged_file_is_refused(tmp_path: Path):
    (tmp_path / "broken").write_bytes(b"\x93abc")
    with pytest.raises(flead.FleadError, match="holds no detector"):
        flead.Detector.load(tmp_path / "broken")
    with pytest.raises(flead.FleadError, match="cannot be read"):
        flead.Detector.load(tmp_path / "missing")
    with pytest.raises(flead.FleadError, match="choose another path"):
        flead.Detector().save(tmp_path / "nowhere" / "detector")
