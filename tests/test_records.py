"""What travels: the published message, what is refused, and times that go there and back."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flead.records import (
    MOST_CHANNELS,
    Anomaly,
    Evaluation,
    GlobalModel,
    LocalUpdate,
    Reading,
    to_milliseconds,
    to_text,
    to_texts,
)

PUBLISHED = b'{"device_id":"device_127","data":42.5,"timestamp":"2025-11-07T15:22:31.000Z"}'
WHEN = "2025-11-07T15:22:31.000Z"

# The years 1 to 9999, in milliseconds.
moments = st.integers(-62_135_596_800_000, 253_402_300_799_999)
quick = settings(deadline=None, derandomize=True, database=None)


def test_the_published_message() -> None:
    reading = msgspec.json.decode(PUBLISHED, type=Reading)
    assert reading == Reading("device_127", 42.5, WHEN)
    assert msgspec.json.encode(reading) == PUBLISHED


def test_channels_and_label() -> None:
    text = b'{"device_id":"pump","data":{"pressure":1.2,"flow":32},"timestamp":"2025-11-07T15:22:31.000Z","label":1}'
    reading = msgspec.json.decode(text, type=Reading)
    assert reading.data == {"pressure": 1.2, "flow": 32.0}
    assert reading.label == 1


def test_a_newer_sender_does_not_break_an_older_reader() -> None:
    newer = PUBLISHED[:-1] + b',"unit":{"name":"bar"},"data2":null}'
    assert msgspec.json.decode(newer, type=Reading) == Reading("device_127", 42.5, WHEN)


@pytest.mark.parametrize(
    "fields",
    [
        {"device_id": ""},
        {"device_id": 127},
        {"device_id": "x" * 257},
        {"data": None},
        {"data": "42.5"},
        {"data": [1.0]},
        {"data": True},
        {"data": {}},
        {"data": {"pressure": "1.2"}},
        {"data": {"": 1.0}},
        {"data": {f"c{number}": 1.0 for number in range(MOST_CHANNELS + 1)}},
        {"data": 1.1e100},
        {"data": {"pressure": -1e200}},
        {"timestamp": None},
        {"timestamp": ""},
        {"label": 2},
        {"label": 0.5},
        {"label": True},
    ],
    ids=str,
)
def test_what_is_no_reading_is_refused(fields: dict[str, Any]) -> None:
    message = msgspec.json.encode(msgspec.json.decode(PUBLISHED) | fields)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(message, type=Reading)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"+1", b".5", b"0x1"])
def test_numbers_that_json_does_not_have(number: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(PUBLISHED.replace(b"42.5", number), type=Reading)


@pytest.mark.parametrize(
    "record",
    [
        Reading("pump", {"pressure": 1.0}, WHEN, 0),
        Anomaly("pump", 1, "pressure", 9.0, -7.5, "critical", "zscore", WHEN, 1.0, 2.0, 2.5),
        LocalUpdate("pump", 3, 71, 0.7643, 0.4521, 50, {"weights": [0.1, 1e-300, 1 / 3], "bias": [0.0]}, WHEN),
        GlobalModel(71, 71, 0.727, 20, "fedavg", {"weights": [589 / 1200], "bias": [-0.0]}, WHEN),
        Evaluation(71, 1, 600, 50, 320, 30, WHEN),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_record_survives_json_and_messagepack(record: msgspec.Struct) -> None:
    kind = type(record)
    assert msgspec.json.decode(msgspec.json.encode(record), type=kind) == record
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=kind) == record


@quick
@given(moments)
def test_times_go_there_and_back(milliseconds: int) -> None:
    text = to_text(milliseconds)
    assert to_milliseconds(text) == milliseconds
    assert (len(text), text[10], text[-5], text[-1]) == (24, "T", ".", "Z")
    assert to_texts(np.array([milliseconds, 0])) == [text, "1970-01-01T00:00:00.000Z"]


@quick
@given(moments, st.integers(-14 * 60, 14 * 60), st.integers(0, 999))
def test_offsets_and_microseconds(milliseconds: int, minutes: int, microseconds: int) -> None:
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds, microseconds=microseconds)
    try:
        there = utc.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    assert to_milliseconds(there.isoformat()) == milliseconds


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01 00:00:00.001", 1),
        ("1970-01-01", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2024-02-29T12:00:00+05:30", 1_709_188_200_000),
        ("2025-11-07T15:22:31.9999Z", 1_762_528_951_999),
    ],
)
def test_times_that_are_read(text: str, milliseconds: int) -> None:
    assert to_milliseconds(text) == milliseconds


@pytest.mark.parametrize("text", ["", "noon", "2025-02-29T00:00:00Z", "2025-11-07T25:00:00Z", "1762528951", "15:22:31"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_milliseconds(text)


def test_no_times_are_no_texts() -> None:
    assert to_texts(np.empty(0, np.int64)) == []
