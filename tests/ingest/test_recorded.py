from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flead.columns import Devices
from flead.ingest.errors import SourceError
from flead.ingest.recorded import UNKNOWN_TIME, RecordedSource, Recording
from flead.records import Rejected
from tests.ingest.drain import assert_same, drain, join, rest

BAD = None
"""A row without a time: rejected."""


def recording(device: str, times: Sequence[int | None], channels: tuple[str, ...] = ("value",)) -> Recording:
    """Rows whose value is their number."""
    rejected = {row: Rejected("test", f"{device}:{row}", "bad", b"") for row, time in enumerate(times) if time is BAD}
    return Recording(
        device,
        channels,
        np.array([UNKNOWN_TIME if time is BAD else time for time in times], dtype=np.int64),
        np.repeat(np.arange(len(times), dtype=np.float64)[:, np.newaxis], len(channels), axis=1),
        np.zeros(len(times), dtype=np.int8),
        rejected,
    )


def source(*recordings: Recording) -> RecordedSource:
    return RecordedSource("test", lambda: recordings)


def told(readings, devices: Devices) -> list[tuple[str, int, float]]:
    return [
        (devices.id(row), int(time), float(values[0]))
        for row, time, values in zip(readings.rows, readings.times, readings.values, strict=True)
    ]


def test_recordings_are_merged_by_time_and_ties_keep_the_order_of_recordings():
    readings, _, devices = drain(source(recording("a", [1, 3, 5]), recording("b", [1, 2, 5])))
    assert told(readings, devices) == [("a", 1, 0), ("b", 1, 0), ("b", 2, 1), ("a", 3, 1), ("a", 5, 2), ("b", 5, 2)]


def test_a_row_that_is_late_keeps_its_place_in_its_recording():
    readings, _, devices = drain(source(recording("a", [5, 2, 2, 7]), recording("b", [1, 6])))
    assert told(readings, devices) == [("b", 1, 0), ("a", 5, 0), ("a", 2, 1), ("a", 2, 2), ("b", 6, 1), ("a", 7, 3)]


def test_rejected_rows_come_with_the_readings_around_them():
    unknown = Recording.of_rejected([Rejected("test", "empty.csv", "empty", b"")])
    opened = source(recording("a", [BAD, 4, BAD, 9]), unknown, recording("b", [6]))
    opened.open(Devices(), None)
    chunks = [opened.next_batch(1, None) for _ in range(6)]
    assert [chunk and [row.location for row in chunk.rejected] for chunk in chunks] == [
        ["a:0"], [], ["a:2"], ["empty.csv"], [], []
    ]  # fmt: skip
    assert opened.next_batch(1, None) is None


def test_until_holds_readings_back():
    opened = source(recording("a", [10, 20, 15, 30]))
    opened.open(Devices(), None)
    assert opened.start_time() == 10
    due = [opened.next_batch(9, until) for until in (9, 10, 19, 20, 20)]
    assert [chunk and chunk.batch.times.tolist() for chunk in due] == [[], [10], [], [20, 15], []]
    assert opened.start_time() == 30
    assert rest(opened)[0].times.tolist() == [30]
    assert opened.next_batch(9, 5) is None


def test_devices_have_their_own_channels_and_nan_beyond():
    readings, _, devices = drain(source(recording("a", [1]), recording("b", [2], ("x", "y"))))
    assert readings.values.tolist()[1] == [0, 0]
    assert np.isnan(readings.values[0, 1])
    assert (devices.channels(0), devices.channels(1)) == (("value",), ("x", "y"))


def test_a_known_device_keeps_the_places_of_its_channels():
    devices = Devices()
    devices.add(["a"], ("y", "z"))
    two = Recording("a", ("x", "y"), np.zeros(1, np.int64), np.array([[1.0, 2.0]]), np.zeros(1, np.int8), {})
    readings, _, devices = drain(source(two), devices=devices)
    assert devices.channels(0) == ("y", "z", "x")
    np.testing.assert_array_equal(readings.values, [[2.0, np.nan, 1.0]])


times = st.lists(st.one_of(st.integers(-5, 20), st.just(BAD)), max_size=8)


@given(st.lists(times, max_size=4), st.data())
def test_any_batches_and_a_resume_anywhere_give_the_same_stream(rows: list[list[int | None]], data):
    recordings = [recording(f"d{number}", times) for number, times in enumerate(rows)]
    expected, expected_rejected, _ = drain(source(*recordings))
    opened = source(*recordings)
    opened.open(Devices(), None)
    batches, rejected = [], []
    for limit in data.draw(st.lists(st.integers(1, 5), max_size=5)):
        chunk = opened.next_batch(limit, None)
        if chunk is not None:
            batches.append(chunk.batch)
            rejected += chunk.rejected
    resumed = source(*recordings)
    resumed.open(Devices(), opened.snapshot())
    assert resumed.snapshot() == opened.snapshot()
    last, last_rejected = rest(resumed, data.draw(st.integers(1, 9)))
    assert_same(join([*batches, last]) if batches else last, expected)
    assert rejected + last_rejected == expected_rejected


def test_what_came_later_may_change_between_two_runs_but_not_what_was_read():
    opened = source(recording("a", [1, 2, 3]))
    opened.open(Devices(), None)
    opened.next_batch(2, None)
    position = opened.snapshot()
    longer = source(recording("a", [1, 2, 3, 4]), recording("b", [5]))
    longer.open(Devices(), position)
    assert rest(longer)[0].times.tolist() == [3, 4, 5]
    for changed in ([1], [1, 1, 3], []):
        with pytest.raises(SourceError, match="what was read of a before has changed since"):
            source(recording("a", changed)).open(Devices(), position)


def test_a_recording_that_lags_behind_and_one_that_is_gone_for_a_while_are_read_once():
    first = source(recording("a", [1, 20]), recording("b", [2]))
    first.open(Devices(), None)
    rest(first)
    later = source(recording("b", [2, 9]))
    later.open(Devices(), first.snapshot())
    assert rest(later)[0].times.tolist() == [9]
    again = source(recording("a", [1, 20, 21]), recording("b", [2, 9]))
    again.open(Devices(), later.snapshot())
    assert rest(again)[0].times.tolist() == [21]
    assert again.given_before == 4


def test_a_closed_source_has_let_go_of_its_readings():
    opened = source(recording("a", [1, 2]))
    opened.open(Devices(), None)
    opened.close()
    assert opened.total() == 0
