"""What may come in and what goes out: kinds of frames, their columns, and what is said of bad ones."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import flead

BACKENDS = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.Table}


def some(count: int = 30) -> dict[str, Any]:
    """Two pumps in turn, whose last reading is far out."""
    values = [20.0 + 0.1 * (i % 3) for i in range(count)]
    values[-1] = 90.0
    times = [datetime.fromisoformat("2025-01-01") + timedelta(seconds=i) for i in range(count)]
    return {"pump": [f"p{i % 2}" for i in range(count)], "at": times, "bar": values}


def score(frame: Any, **options: Any) -> Any:
    return flead.score(frame, "zscore", **{"device": "pump", "time": "at", **options})


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_comes_out_as_came_in(backend: str):
    frame = flead.simulate(devices=5, seconds=60, backend=backend)
    assert type(frame) is BACKENDS[backend]
    detector = flead.Detector("zscore", alarm_readings=1)
    scored = detector.observe(frame)
    assert type(scored) is type(frame)
    assert type(detector.alarms) is type(frame)
    reference = flead.Detector("zscore", alarm_readings=1)
    expected = reference.observe(flead.simulate(devices=5, seconds=60, backend="polars"))
    assert np.asarray(scored["score"]).tolist() == expected["score"].to_list()
    assert np.asarray(scored["anomaly"]).tolist() == expected["anomaly"].to_list()
    listed = pl.DataFrame(detector.alarms) if backend != "pandas" else pl.from_pandas(detector.alarms)
    assert listed["start"].dt.epoch("ms").to_list() == reference.alarms["start"].dt.epoch("ms").to_list()
    assert [detector.explain(i) for i in range(len(listed))] == [
        reference.explain(alarm) for alarm in reference.alarms.iter_rows(named=True)
    ]


def test_a_pandas_frame_keeps_its_index_and_is_not_changed():
    frame = pd.DataFrame(some()).set_index(pd.Index(range(100, 130)[::-1], name="row"))
    before = frame.copy()
    scored = score(frame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_index_equal(scored.index, frame.index)
    assert scored["anomaly"].tolist() == [False] * 29 + [True]


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame(some()).with_columns(pl.col("pump").cast(pl.Categorical)),
        pl.DataFrame(some()).with_columns(pl.col("at").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo")),
        pl.DataFrame(some()).with_columns(pl.col("at").cast(pl.Datetime("ns"))),
        pl.DataFrame(some()).with_columns(pl.col("pump").replace({"p0": "7", "p1": "8"}).cast(pl.Int64)),
        pd.DataFrame(some()).astype({"pump": "category"}),
        pd.DataFrame(some()).convert_dtypes(),
        pd.DataFrame(some()).assign(at=lambda frame: frame["at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")),
        pa.table(some()).set_column(0, "pump", pa.array(some()["pump"]).dictionary_encode()),
        pa.table(some()).set_column(1, "at", pa.array(some()["at"], pa.timestamp("ns", "UTC"))),
    ],
)
def test_columns_of_any_type_mean_the_same(frame: Any):
    scored, expected = score(frame), score(pl.DataFrame(some()))
    assert np.asarray(scored["score"]).tolist() == expected["score"].to_list()


def test_times_are_utc_and_numbers_only_if_told():
    naive = pl.DataFrame(some())
    detector = flead.Detector("zscore", device="pump", time="at", alarm_readings=1)
    detector.observe(naive)
    assert detector.alarms["start"].to_list() == [datetime(2025, 1, 1, 0, 0, 29, tzinfo=UTC)]
    seconds = naive.with_columns(pl.col("at").dt.epoch("s"))
    units: dict[Any, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
    for unit, factor in units.items():
        told = flead.Detector("zscore", device="pump", time="at", alarm_readings=1, time_unit=unit)
        told.observe(seconds.with_columns(pl.col("at") * factor))
        assert told.alarms.equals(detector.alarms)
    with pytest.raises(flead.FleadError, match=r"'at' holds numbers .* time_unit= whether they are s, ms, us or ns"):
        score(seconds)
    with pytest.raises(
        flead.FleadError, match=r"'at', row 0: .* is outside the years 1 to 9999; is time_unit='s' right"
    ):
        score(seconds.with_columns(pl.col("at") * 1_000_000), time_unit="s")
    days = pl.DataFrame({"at": [date(2025, 1, 1), date(2025, 1, 2)], "bar": [1.0, 2.0]})
    assert flead.score(days, time="at").height == 2


def test_a_scores_order_is_the_frames_and_readings_are_taken_by_time():
    frame = pl.DataFrame(some())
    shuffled = frame.with_row_index().sample(fraction=1.0, shuffle=True, seed=1)
    scored = score(shuffled, channels=["bar"])
    assert scored["index"].to_list() == shuffled["index"].to_list()
    assert scored.sort("index")["score"].to_list() == score(frame)["score"].to_list()


def test_late_readings_are_refused_or_taken_as_they_come():
    frame = pl.DataFrame(some()).with_columns(pl.col("at").reverse())
    detector = flead.Detector(device="pump", time="at")
    with pytest.raises(flead.FleadError, match=r"row 1 is of 2025-01-01T00:00:28.000Z, after one of .*:29.000Z: sort"):
        detector.observe(frame)
    detector.observe(frame[:1])
    with pytest.raises(flead.FleadError, match=r"row 0 is of 2025-01-01T00:00:28.000Z, after one of .*:29.000Z: sort"):
        detector.observe(frame[1:])
    assert flead.Detector(device="pump", time="at", ordered=False).observe(frame).height == 30


def test_no_label_is_a_channel_and_the_usual_names_are_known():
    frame = pl.DataFrame(some()).rename({"pump": "device_id", "at": "timestamp"})
    labelled = frame.with_columns(label=pl.Series(np.arange(30) % 2))
    assert flead.score(labelled)["score"].to_list() == flead.score(frame)["score"].to_list()
    assert score(pl.DataFrame(some()).with_columns(truth=True), label="truth").height == 30


def test_an_empty_frame_is_scored_too():
    assert score(pl.DataFrame(some()).clear()).columns == ["pump", "at", "bar", "score", "anomaly"]
    detector = flead.Detector(device="pump", time="at")
    assert detector.observe(pl.DataFrame(some()).clear()).height == 0
    assert detector.alarms.height == 0


def changed(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame(some()).with_columns(**columns)


@pytest.mark.parametrize(
    ("frame", "options", "said"),
    [
        ([1, 2], {}, "a frame of polars, pandas or pyarrow is needed, not builtins.list"),
        (changed().lazy(), {}, r"collect\(\) a lazy frame first"),
        (changed(), {"device": "pumps"}, "no column 'pumps' for device=; it has pump, at, bar"),
        (pd.DataFrame(some()).set_index("at"), {}, r"no column 'at' for time=; .* reset_index\(\)"),
        (changed(), {"channels": ["psi"]}, "no column 'psi', which channels= names"),
        (changed(note=pl.lit("a")), {}, "column 'note' is of type String, and a channel is of numbers"),
        (changed(on=pl.lit(True)), {}, "column 'on' is of type Boolean"),
        (changed(score=1.0), {}, "a column 'score' already"),
        (changed().drop("bar"), {}, "1 to 64 channels, not 0"),
        (changed(at=pl.lit("2025-01-01")), {}, r"'at' is of type String, and not of times: .*str.to_datetime\(\)"),
        (changed(at=pl.Series([None, *some()["at"][1:]])), {}, "column 'at', row 0: it is empty"),
        (changed(pump=pl.Series(["p0", None] * 15)), {}, "column 'pump', row 1: it is empty"),
        (changed(pump=pl.Series(["p0", ""] * 15)), {}, "'' is no name of a device"),
        (changed(bar=pl.Series([1.0] * 29 + [np.inf])), {}, "column 'bar', row 29: inf is no measurement"),
        (changed(label=2), {}, "column 'label' is no ground truth"),
        (pd.DataFrame(some()).rename(columns={"bar": 7}), {}, "a column of the frame is called 7"),
        (
            pd.DataFrame(some()).rename(columns={"bar": "at"}),
            {},
            r"several columns of the frame are called alike: .*'at' 2 times",
        ),
        (changed(at=pl.lit(5)), {"time_unit": "h"}, "time_unit='h': it is s, ms, us or ns"),
        (changed(), {"learner": "oracle"}, "no learner 'oracle'"),
        (changed(), {"windows": 5}, "no such setting: windows"),
        (changed(), {"window": 1}, "window = 1: .*greater than or equal to 2"),
    ],
)
def test_what_is_wrong_is_said(frame: Any, options: dict[str, Any], said: str):
    with pytest.raises(flead.FleadError, match=said):
        flead.score(frame, **{"device": "pump", "time": "at", **options})


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        ({}, {}, "needs 1 to 64 finite numbers"),
        ({"bar": float("nan")}, {}, "needs 1 to 64 finite numbers"),
        ({"bar": float("inf")}, {}, "needs 1 to 64 finite numbers"),
        ({"bar": 1.0}, {"device": ""}, "'' is no name of a device"),
        ({"bar": 1.0}, {"time": "noon"}, "neither a datetime nor ISO 8601"),
    ],
)
def test_what_is_wrong_with_one_reading_is_said(values: dict[str, float], options: dict[str, Any], said: str):
    with pytest.raises(flead.FleadError, match=said):
        flead.Detector().score_one(values, **options)


def test_readings_with_and_without_times_do_not_go_together():
    detector = flead.Detector("zscore")
    detector.score_one({"bar": 1.0}, time=datetime(2025, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))))
    detector.score_one({"bar": 1.0}, time="2025-01-01T00:00:01")
    with pytest.raises(flead.FleadError, match="do not go together"):
        detector.score_one({"bar": 1.0})
