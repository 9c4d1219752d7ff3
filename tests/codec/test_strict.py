import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from flead.boundary import LAST_TIME, MalformedError
from flead.codec.scan import LONGEST_LINE
from flead.codec.strict import parse
from flead.records import LARGEST, MOST_CHANNELS, NO_LABEL

thorough = hypothesis_settings(deadline=None, derandomize=True, max_examples=150, database=None)

READING = '{"device_id":"device_127","data":42.5,"timestamp":"2025-11-07T15:22:31.000Z"}'


def reading(**fields: str) -> bytes:
    """A reading whose fields are the given JSON."""
    return ("{" + ",".join(f'"{name}":{value}' for name, value in {**PLAIN, **fields}.items()) + "}").encode()


PLAIN = {"device_id": '"a"', "data": "1", "timestamp": '"2025-11-07T15:22:31Z"'}


def test_a_reading() -> None:
    parsed = parse(READING.encode())
    assert parsed == ("device_127", ("value",), (42.5,), 1762528951000, NO_LABEL)
    assert parse(reading(data='{"pressure":1.2,"flow":32}', label="1"))[1:] == (
        ("pressure", "flow"), (1.2, 32.0), 1762528951000, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["1e22", "-0.0", "0.1", "123456789012345678", "1E-5", "5e-324", "0.1" + "0" * 400 + "1"]
)
def test_numbers_are_those_that_are_written(text) -> None:
    assert parse(reading(data=text)).numbers[0].hex() == float(text).hex()


@thorough
@given(st.floats(-LARGEST, LARGEST))
def test_numbers_come_back_as_they_were_sent(value) -> None:
    assert parse(reading(data=json.dumps(value))).numbers[0].hex() == value.hex()


@thorough
@given(
    st.datetimes(datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2261-12-30")),
    st.none() | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.sampled_from(["auto", "hours", "minutes", "seconds", "milliseconds", "microseconds"]),
)
def test_times_are_in_utc_and_cut_to_milliseconds(moment, zone, timespec) -> None:
    text = moment.replace(tzinfo=zone).isoformat(timespec=timespec)
    exact = datetime.fromisoformat(text).replace(tzinfo=zone or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert parse(reading(timestamp=f'"{text}"')).time == exact // timedelta(milliseconds=1)


def test_a_date_is_its_midnight() -> None:
    assert parse(reading(timestamp='"2025-11-07"')).time == parse(reading(timestamp='"2025-11-07T00:00:00Z"')).time


def test_unknown_fields_are_ignored() -> None:
    known = parse(reading())
    assert parse(reading(unit='"C"', seq="[1,{}]", sequence="1" * 5000)) == known
    assert parse(reading(unit='"C"')[:-1] + b',"unit":"F"}') == known


MALFORMED = {
    b"": "empty",
    b" \t": "empty",
    b"{": "truncated",
    reading(unit="[" * 20_000): "nested too deeply",
    b"[1]": "Expected `object`, got `array`",
    b"temperature=42": "JSON is malformed",
    READING[:-1].encode(): "truncated",
    READING.encode() + b"}": "trailing characters",
    b"\xef\xbb\xbf" + READING.encode(): "JSON is malformed",
    READING.encode("utf-16"): "not UTF-8: byte 0",
    reading(unit='"') + b'\xff"}': "not UTF-8",
    b'{"data":1,"timestamp":"2025-11-07"}': "missing required field `device_id`",
    b'{"device_id":"a","timestamp":"2025-11-07"}': "missing required field `data`",
    b'{"device_id":"a","data":1}': "missing required field `timestamp`",
    reading(device_id='""'): "length >= 1 - at `$.device_id`",
    reading(device_id="7"): "Expected `str`, got `int` - at `$.device_id`",
    reading(device_id="null"): "`$.device_id`",
    reading(device_id=f'"{"a" * 257}"'): "length <= 256",
    reading(device_id=f'"{"é" * 129}"'): "258 bytes",
    reading(device_id=r'"a\u0000"'): "control characters",
    reading(device_id=r'"a\n"'): "control characters",
    reading(device_id='"a\x7f"'): "control characters",
    reading(device_id='"a\x85"'): "control characters",
    reading(device_id='"a\x01"'): "JSON is malformed",
    reading(device_id=r'"\ud800"'): "surrogate",
    reading(data="true"): "got `bool` - at `$.data`",
    reading(data="null"): "got `null` - at `$.data`",
    reading(data='"42.5"'): "got `str` - at `$.data`",
    reading(data="[42.5]"): "got `array` - at `$.data`",
    reading(data="NaN"): "JSON is malformed",
    reading(data="-Infinity"): "JSON is malformed",
    reading(data="1e400"): "out of range",
    reading(data="1.1e100"): "<= 1e+100 - at `$.data`",
    reading(data="-1.1e100"): ">= -1e+100 - at `$.data`",
    reading(data="042"): "invalid number",
    reading(data="42."): "invalid number",
    reading(data="{}"): "length >= 1 - at `$.data`",
    reading(data='{"":1}'): "length >= 1",
    reading(data='{"a":true}'): "got `bool` - at `$.data",
    reading(data='{"a":1e101}'): "<= 1e+100 - at `$.data",
    reading(data=r'{"a\u0000":1}'): "control characters",
    reading(data='{"a":1,"a":1}'): "'a' is there twice",
    reading(data=r'{"a":1,"\u0061":1}'): "'a' is there twice",
    reading(data=json.dumps(dict.fromkeys(map(str, range(MOST_CHANNELS + 1)), 1))): "length <= 64 - at `$.data`",
    reading()[:-1] + b',"data":2}': "'data' is there twice",
    reading()[:-1] + rb',"d\u0061ta":2}': "'data' is there twice",
    reading(label="2"): "at `$.label`",
    reading(label="true"): "at `$.label`",
    reading(label='"1"'): "at `$.label`",
    reading(label="0.5"): "at `$.label`",
    reading(timestamp="1762528951"): "got `int` - at `$.timestamp`",
    reading(timestamp='"yesterday"'): "'yesterday' is no ISO 8601 time",
    reading(timestamp='""'): "at `$.timestamp`",
    reading(timestamp='"2025-02-29T00:00:00Z"'): "no ISO 8601 time",
    reading(timestamp='"2025-11-07T24:00:01Z"'): "no ISO 8601 time",
    reading(timestamp='"1969-12-31T23:59:59Z"'): "not of the years 1970 to 2261",
    reading(timestamp='"2262-01-01T00:00:00Z"'): "not of the years 1970 to 2261",
    reading() + b" " * LONGEST_LINE: "bytes are too long",
}


@pytest.mark.parametrize("line", MALFORMED, ids=lambda line: line.decode(errors="replace")[:60])
def test_what_is_no_reading_is_refused_in_words(line) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse(line)
    assert MALFORMED[line] in str(refusal.value)
    assert len(str(refusal.value)) < 200


def test_the_ends_of_what_is_allowed() -> None:
    assert parse(reading(timestamp='"1970-01-01T00:00:00.000Z"')).time == 0
    assert parse(reading(timestamp='"2261-12-31T23:59:59.999999Z"')).time == LAST_TIME
    assert parse(reading(data="-1e100")).numbers == (-LARGEST,)
    assert len(parse(reading(device_id=f'"{"é" * 128}"')).device_id.encode()) == 256
    assert parse(reading() + b" " * (LONGEST_LINE - len(reading()))).label == NO_LABEL
