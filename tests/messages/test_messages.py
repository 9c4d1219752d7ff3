"""What sensors and gateways publish becomes readings, or is refused with a reason."""

import json
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flead.codec.decode import Decoder
from flead.columns import Devices
from flead.messages.flatten import UnreadableError
from flead.messages.reader import NOWHERE, Messages
from flead.messages.topics import Pattern
from flead.messages.understand import Rules
from flead.records import to_milliseconds, to_text

NOW = 1_717_225_200_250
THEN = "2024-06-01T06:55:00.000Z"


def read(
    payload: bytes, pattern: str = "s/+/d", topic: str = "s/n1/d", rules: Rules | None = None
) -> list[dict[str, Any]]:
    """The readings in a message, read when nothing is known, and three times by what is known then."""
    messages = Messages(rules)
    found = [messages.read(payload, topic, Pattern(pattern).place(topic), NOW) for _ in range(4)]
    decoded = [[told(line) for line in lines] for lines in found]
    assert decoded[1:] == decoded[:-1]
    for lines in found:
        chunk = Decoder(Devices()).messages(lines)
        assert not chunk.rejected
        assert chunk.batch.size == len(lines)
    return decoded[0]


def told(line: bytes) -> dict[str, Any]:
    """A line, its time in one form."""
    record: dict[str, Any] = msgspec.json.decode(line)
    return record | {"timestamp": to_text(to_milliseconds(record["timestamp"]))}


def said(*readings: tuple[str, Any, str]) -> list[dict[str, Any]]:
    return [{"device_id": device, "data": data, "timestamp": time} for device, data, time in readings]


ARRIVED = to_text(NOW)


@pytest.mark.parametrize(
    ("payload", "data", "time"),
    [
        (b"21.5", 21.5, ARRIVED),
        (b" -7 \n", -7, ARRIVED),
        (b'"21.5"', 21.5, ARRIVED),
        (b"21.5 \xc2\xb0C", 21.5, ARRIVED),
        (b'{"pressure":1.25,"flow":3,"unit":"bar","ok":true}', {"pressure": 1.25, "flow": 3}, ARRIVED),
        (b'{"value":4.5}', 4.5, ARRIVED),
        (b'{"value":4.5,"unit":"bar"}', 4.5, ARRIVED),
        (b'{"t":1,"timestamp":"2024-06-01T06:55:00Z"}', {"t": 1}, THEN),
        (b'{"t":1,"ts":1717224900}', {"t": 1}, THEN),
        (b'{"t":1,"time":1717224900000}', {"t": 1}, THEN),
        (b'{"t":1,"Time":"2024-06-01T06:55:00"}', {"t": 1}, THEN),
        (b'{"t":1,"time":"2024-06-01 08:55:00 +0200"}', {"t": 1}, THEN),
        (b'{"ts":1717224900000,"values":{"t":20.5,"h":40}}', {"t": 20.5, "h": 40}, THEN),
        (b'{"t":nan,"h":45}', {"h": 45}, ARRIVED),
        (b'{"t":null,"h":45,"note":"NaN"}', {"h": 45}, ARRIVED),
        (b'{"t":"unavailable","h":"45"}', {"h": 45}, ARRIVED),
        (b'{"charge":"080.50","lqi":7,"rssi":-60}', {"charge": 80.5}, ARRIVED),
        (b'{"t":{"value":20.5,"unit":"C"},"h":{"value":40,"unit":"%"}}', {"t": 20.5, "h": 40}, ARRIVED),
        (
            b'{"Time":"2024-06-01T06:55:00","ENERGY":{"TotalStartTime":"2024-01-01T00:00:00","Power":[7,8],"Total":2.5}}',
            {"ENERGY.Power.0": 7, "ENERGY.Power.1": 8, "ENERGY.Total": 2.5},
            THEN,
        ),
        (
            b'{"Time":"2024-06-01T06:55:00","DS18B20-1":{"Id":"0114","Temperature":4.5},"TempUnit":"C"}',
            {"DS18B20-1.Temperature": 4.5},
            THEN,
        ),
        (
            b'{"Uptime":"1T02","UptimeSec":93600,"Heap":25,"LoadAvg":19,"Vcc":3.25,"Wifi":{"AP":1,"Signal":-60,"Channel":6}}',
            {"Vcc": 3.25},
            ARRIVED,
        ),
        (
            b'{"battery":90,"co2":640,"last_seen":1717224900000,"linkquality":66,"update":{"installed_version":7,"state":"idle"}}',
            {"battery": 90, "co2": 640},
            ARRIVED,
        ),
        (
            b'{"fields":{"rpm":1450,"bar":2.5},"name":"modbus"'
            b',"tags":{"host":"g"},"timestamp":1717224900}',
            {"rpm": 1450, "bar": 2.5}, THEN,
        ),
        (
            b'{"state":{"reported":{"rpm":1450}},"metadata":{"reported":{"rpm":{"timestamp":5}}}'
            b',"version":9,"timestamp":1717224900}',
            {"rpm": 1450}, THEN,
        ),
        (
            b'{"src":"x","method":"NotifyStatus","params":{"ts":1717224900.0'
            b',"switch:0":{"id":0,"apower":8.5}}}',
            {"switch:0.apower": 8.5}, THEN,
        ),
        (
            b'{"received_at":"2024-06-01T06:55:00Z","uplink_message":{"f_cnt":7'
            b',"decoded_payload":{"t":20.5}}}',
            {"t": 20.5}, THEN,
        ),
    ],
)  # fmt: skip
def test_shapes_of_messages(payload: bytes, data: Any, time: str) -> None:
    assert read(payload) == said(("n1", data, time))


def test_several_readings_in_a_message() -> None:
    both = said(("n1", {"t": 1}, THEN), ("n1", {"t": 2}, to_text(1717224960000)))
    assert read(b'[{"ts":1717224900,"t":1},{"ts":1717224960,"t":2}]') == both
    assert read(b'[{"ts":1717224900,"values":{"t":1}},{"ts":1717224960,"values":{"t":2}}]') == both
    assert read(b'{"readings":[{"time":1717224900,"t":1},{"time":1717224960,"t":2}]}') == both
    metrics = [{"fields": {"t": n}, "name": "m", "tags": {}, "timestamp": 1717224840 + 60 * n} for n in (1, 2)]
    assert read(json.dumps({"metrics": metrics}).encode()) == both
    gateway = b'{"A":[{"ts":1717224900000,"values":{"t":1}}],"B":[{"ts":1717224900000,"values":{"t":2}}]}'
    assert read(gateway, "v1/gateway/telemetry", "v1/gateway/telemetry") == said(
        ("A", {"t": 1}, THEN), ("B", {"t": 2}, THEN)
    )


@pytest.mark.parametrize(
    ("pattern", "topic", "device", "channel"),
    [
        ("sensors/+/data", "sensors/pump_1/data", "pump_1", None),
        ("plant/+/+/data", "plant/north/7/data", "north/7", None),
        ("plant/#", "plant/a/b", "a/b", None),
        ("home/+/+", "home/attic/temperature", "attic", "temperature"),
        ("esp/+/sensor/+/state", "esp/n1/sensor/outdoor_humidity/state", "n1", "outdoor_humidity"),
        ("shellies/#", "shellies/em-1/emeter/0/power", "em-1", "emeter.0.power"),
        ("sensors/+/temperature", "sensors/n1/temperature", "n1", "temperature"),
        ("x/{channel}/of/{device}", "x/p1/of/pump", "pump", "p1"),
    ],
)
def test_device_and_channel_of_a_plain_number_in_the_topic(
    pattern: str, topic: str, device: str, channel: str | None
) -> None:
    data = 21.5 if channel is None else {channel: 21.5}
    assert read(b"21.5", pattern, topic) == said((device, data, ARRIVED))
    assert read(b'{"value":21.5,"unit":"C"}', pattern, topic) == said((device, data, ARRIVED))


def test_an_object_is_of_the_whole_place_in_the_topic() -> None:
    assert read(b'{"a":1,"b":2}', "home/#", "home/attic/temperature") == said(
        ("attic/temperature", {"a": 1, "b": 2}, ARRIVED)
    )


@pytest.mark.parametrize(
    "named",
    ['"device_id":"p"', '"device":"p"', '"deviceId":"p"', '"dev_id":"p"', '"end_device_ids":{"device_id":"p"}',
     '"deviceInfo":{"deviceName":"p"}', '"tags":{"host":"p"}'],
)  # fmt: skip
def test_the_device_in_the_message_where_the_topic_has_none(named: str) -> None:
    payload = f'{{{named},"ts":1717224900,"t":1}}'.encode()
    assert read(payload, "readings", "readings") == said(("p", {"t": 1}, THEN))
    chunk = Decoder(devices := Devices()).messages([payload] * 3)
    assert (chunk.batch.size, devices.id(0), devices.channels(0)) == (3, "p", ("t",))


def test_the_device_in_the_message_goes_before_the_topic_under_its_own_name_only() -> None:
    assert read(b'{"device_id":"p","t":1}')[0]["device_id"] == "p"
    assert read(b'{"device":"p","t":1}')[0]["device_id"] == "n1"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"warm", "neither a number nor JSON"),
        (b"", "neither a number nor JSON"),
        (b"\xff\xfe", "neither a number nor JSON"),
        (b'{"a":', "neither a number nor JSON"),
        (b"[" * 100_000, "neither a number nor JSON"),
        (b"NaN", "says that there is no value"),
        (b'"unknown"', "says that there is no value"),
        (b"ON", "booleans = true"),
        (b"true", "booleans = true"),
        (b"[1]", "no object with numbers"),
        (b"{}", "no number that was measured"),
        (b'{"unit":"bar"}', r"no number that was measured: unit \(a unit\)"),
        (
            b'{"ts":1717224900,"uptime":5,"rssi":-60,"fcnt":9,"version":3}',
            "uptime .a clock., rssi .how well the radio is heard.",
        ),
        (b'{"t":1e200}', "no number"),
    ],
)
def test_what_is_no_reading_is_explained(payload: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        read(payload)


def test_a_reading_of_nobody_and_one_of_no_time_are_refused() -> None:
    with pytest.raises(UnreadableError, match="no device_id"):
        read(b"21.5", "s/d", "s/d")
    with pytest.raises(UnreadableError, match="no device_id"):
        read(b'{"t":1}', "s/d", "s/d")
    with pytest.raises(UnreadableError, match="of when"):
        Messages().read(b'{"device":"p","t":1}', "", NOWHERE, None)


def test_settings_of_messages() -> None:
    rules = Rules(ZoneInfo("Europe/Berlin"), booleans=True)
    assert read(b'{"Time":"2024-06-01T08:55:00","open":"ON","ok":false}', rules=rules) == said(
        ("n1", {"open": 1, "ok": 0}, THEN)
    )
    assert read(b"off", rules=rules) == said(("n1", 0, ARRIVED))


def test_what_is_left_out_is_counted_by_name_whether_by_plan_or_not() -> None:
    messages, place = Messages(), Pattern("s/+").place("s/a")
    for number in range(10):
        messages.read(b'{"t":%d,"rssi":-60,"fw":"1.2","note":"ok"}' % number, "s/a", place, NOW)
    assert messages.counts() == {"rssi: how well the radio is heard": 10, "fw: a version": 10, "note: text": 10}


def test_a_plan_does_not_hide_what_was_absent_when_it_was_made() -> None:
    messages, place = Messages(), Pattern("s/+").place("s/a")

    def channels(payload: bytes) -> Any:
        (line,) = messages.read(payload, "s/a", place, NOW)
        return msgspec.json.decode(line)["data"]

    for _ in range(5):
        assert channels(b'{"t":1,"h":null,"p":"unavailable"}') == {"t": 1}
    for _ in range(5):
        assert channels(b'{"t":2,"h":40,"p":"3"}') == {"t": 2, "h": 40, "p": 3}
        assert channels(b'{"t":null,"h":41,"p":"3"}') == {"h": 41, "p": 3}
        assert channels(b'{"t":5,"h":42}') == {"t": 5, "h": 42}


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
values = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.none(), st.booleans(), names)
objects = st.recursive(
    st.dictionaries(names, values, max_size=5),
    lambda inner: st.dictionaries(names, inner | values, max_size=4),
    max_leaves=12,
)


@given(st.lists(objects, min_size=1, max_size=4))
def test_whatever_is_said_a_plan_says_what_a_closer_look_says(records: list[dict[str, Any]]) -> None:
    """Any messages in any order on one topic, read by one that has plans, and by one that knows nothing."""
    messages, place = Messages(), Pattern("s/+").place("s/a")

    def outcome(reader: Messages, payload: bytes) -> Any:
        try:
            return [told(line) for line in reader.read(payload, "s/a", place, NOW)]
        except UnreadableError as error:
            return str(error)

    for record in records * 3:
        payload = json.dumps(record, ensure_ascii=False).encode()
        assert outcome(messages, payload) == outcome(Messages(), payload)


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_readings_or_a_reason(payload: bytes) -> None:
    with suppress(UnreadableError):
        lines = Messages().read(payload, "s/a", Pattern("s/+").place("s/a"), NOW)
        assert all(isinstance(line, bytes) for line in lines)
