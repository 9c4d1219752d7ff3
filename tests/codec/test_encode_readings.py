"""Readings become messages and come back the same, to the last bit."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from flead.codec.decode import Decoder
from flead.codec.encode_readings import ReadingEncoder
from flead.columns import Batch, Devices
from flead.records import NO_LABEL

VALUES = st.floats(-1e100, 1e100) | st.integers(-(10**9), 10**9).map(lambda n: n / 1000)


def batch_of(rows: list[int], values: NDArray[np.float64], labels: list[int] | None = None) -> Batch:
    count = len(rows)
    return Batch(
        np.array(rows, np.int32),
        1_762_528_951_000 + 777 * np.arange(count),
        values,
        np.array(labels if labels is not None else [NO_LABEL] * count, np.int8),
    )


def lines(devices: Devices, batch: Batch) -> list[bytes]:
    text, bounds = ReadingEncoder(devices).lines(batch)
    found = [text[start:stop] for start, stop in itertools.pairwise(bounds)]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in found)
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=20))
def test_every_number_comes_back_to_the_last_bit(values: list[float]) -> None:
    devices = Devices()
    rows = devices.add([f"device_{n}" for n in range(len(values))])
    batch = batch_of(rows.tolist(), np.array(values).reshape(-1, 1))
    back = Decoder(Devices()).lines(b"".join(lines(devices, batch)))
    assert not back.rejected
    assert back.batch.values.tobytes() == batch.values.tobytes()
    assert back.batch.times.tolist() == batch.times.tolist()


def test_numbers_are_as_short_as_they_can_be() -> None:
    devices = Devices()
    row = int(devices.add(["d"])[0])
    values = [0.0, -0.0, 1.5, -42.0, 0.1, 0.001, 9007199254740991.0, 1e22, 0.1 + 0.2, 123456.789, 5e-324, -1e100]
    written = [
        line.partition(b'"data":')[2].partition(b',"timestamp"')[0].decode()
        for line in lines(devices, batch_of([row] * len(values), np.array(values).reshape(-1, 1)))
    ]
    assert written == [
        "0", "-0.0", "1.5", "-42", "0.1", "0.001", "9007199254740991", "1e+22", "0.30000000000000004", "123456.789",
        "5e-324", "-1e+100",
    ]  # fmt: skip


def test_channels_labels_and_names_that_need_escaping() -> None:
    devices = Devices()
    odd = int(devices.add(['pump "é" \\ 1'], ("pressure", 'fl"ow'))[0])
    one = int(devices.add(["plain"], ("pressure",))[0])
    bare = int(devices.add(["bare"])[0])
    nan = np.nan
    values = np.array([[1.25, -2.5], [nan, 3.0], [4.0, nan], [0.5, nan]])
    found = [json.loads(line) for line in lines(devices, batch_of([odd, odd, one, bare], values, [0, 1, NO_LABEL, 1]))]
    time = "2025-11-07T15:22:3{}Z".format
    assert found == [
        {
            "device_id": 'pump "é" \\ 1',
            "data": {"pressure": 1.25, 'fl"ow': -2.5},
            "timestamp": time("1.000"),
            "label": 0,
        },
        {"device_id": 'pump "é" \\ 1', "data": {'fl"ow': 3.0}, "timestamp": time("1.777"), "label": 1},
        {"device_id": "plain", "data": {"pressure": 4.0}, "timestamp": time("2.554")},
        {"device_id": "bare", "data": 0.5, "timestamp": time("3.331"), "label": 1},
    ]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00.000", "1970-02-28T23:59:59.999", "2000-02-29T12:00:00.001",
                                  "2100-03-01T00:00:00.000", "9999-12-31T23:59:59.999"])  # fmt: skip
def test_times(text: str) -> None:
    devices = Devices()
    row = devices.add(["d"])
    times = np.array([text], "datetime64[ms]").astype(np.int64)
    (line,) = lines(devices, Batch(row, times, np.array([[1.0]]), np.array([NO_LABEL], np.int8)))
    assert json.loads(line)["timestamp"] == text + "Z"


def test_devices_and_channels_that_come_later() -> None:
    devices = Devices()
    encoder = ReadingEncoder(devices)
    first = batch_of(devices.add(["a"]).tolist(), np.array([[1.0]]))
    assert encoder.lines(first)[0].startswith(b'{"device_id":"a","data":1,')
    both = devices.add(["a", "b"], ("flow",))
    text, _ = encoder.lines(batch_of(both.tolist(), np.array([[1.0, 2.0], [3.0, np.nan]])))
    assert [json.loads(line)["data"] for line in text.splitlines()] == [{"value": 1.0, "flow": 2.0}, {"flow": 3.0}]
