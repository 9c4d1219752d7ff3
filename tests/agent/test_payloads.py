"""What sensors publish becomes a reading, or is refused with a reason."""

import msgspec
import pytest

from flead.agent.payloads import Pattern, reading
from flead.codec.strict import MalformedError, parse

NOW = 1_762_528_951_000


@pytest.mark.parametrize(
    ("pattern", "topic", "device"),
    [
        ("sensors/+/data", "sensors/pump_1/data", "pump_1"),
        ("plant/+/+/data", "plant/north/7/data", "north/7"),
        ("plant/#", "plant/a/b", "a/b"),
        ("readings", "readings", None),
    ],
)
def test_the_device_stands_in_the_place_of_the_wildcards(pattern, topic, device):
    assert Pattern(pattern).device(topic) == device


@pytest.mark.parametrize(
    ("payload", "channels", "numbers", "time"),
    [
        (b"21.5", ("value",), (21.5,), NOW),
        (b" 7 \n", ("value",), (7.0,), NOW),
        (b'{"pressure":1.2,"flow":3,"unit":"bar","ok":true}', ("pressure", "flow"), (1.2, 3.0), NOW),
        (b'{"value":4.5}', ("value",), (4.5,), NOW),
        (b'{"t":1,"timestamp":"2025-11-07T15:22:30Z"}', ("t",), (1.0,), NOW - 1000),
        (b'{"t":1,"timestamp":1762528950}', ("t",), (1.0,), NOW - 1000),
        (b'{"t":1,"timestamp":1762528950500}', ("t",), (1.0,), NOW - 500),
        (b'{"device_id":"x","data":2,"timestamp":"2025-11-07T15:22:31Z","label":1}', ("value",), (2.0,), NOW),
    ],
)
def test_numbers_objects_and_readings(payload, channels, numbers, time):
    found = parse(reading(payload, "pump", NOW))
    assert (found.channels, found.numbers, found.time) == (channels, numbers, time)
    assert found.device_id == ("x" if b"device_id" in payload else "pump")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"warm", "neither a number nor JSON"),
        (b"", "neither a number nor JSON"),
        (b"NaN", "neither a number nor JSON"),
        (b"\xff\xfe", "neither a number nor JSON"),
        (b"true", "not true or false"),
        (b"[1]", "not a list"),
        (b'{"unit":"bar"}', "has no number"),
        (b'{"t":1,"timestamp":-5}', "no year"),
    ],
)
def test_what_is_no_reading_is_explained(payload, reason):
    with pytest.raises(MalformedError, match=reason):
        reading(payload, "pump", NOW)


def test_a_reading_of_nobody_is_refused():
    with pytest.raises(MalformedError, match="no device_id"):
        reading(b"21.5", None, NOW)


def test_what_a_reading_means_is_settled_by_its_own_rules():
    """A number that is none, and a time that is none, come through to the decoder, which refuses them."""
    odd = reading(b'{"data":"high"}', "pump", NOW)
    assert msgspec.json.decode(odd)["data"] == "high"
    with pytest.raises(MalformedError):
        parse(odd)
