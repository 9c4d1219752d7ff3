import json
import random
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from flead.codec import decode
from flead.codec.decode import MOST_KINDS, MOST_LEFT, Decoder
from flead.codec.scan import LONGEST_LINE
from flead.columns import Devices
from flead.records import LARGEST, MOST_CHANNELS
from tests.codec import plain

thorough = hypothesis_settings(deadline=None, derandomize=True, max_examples=150, database=None)

TIME = '"timestamp":"2025-11-07T15:22:31.000Z"'


def line(device: str = "a", data: str = "1", more: str = "") -> bytes:
    return f'{{"device_id":"{device}","data":{data},{TIME}{more}}}'.encode()


FIRST, LAST = (datetime.fromisoformat(day) for day in ("1970-01-03", "2261-12-29"))  # in UTC of any offset

# The forms of a reading that programs write, and those that they are free to.
digits = st.text("0123456789", min_size=1, max_size=22)
written = st.builds(
    lambda sign, whole, fraction, exponent: f"{sign}{int(whole)}{fraction}{exponent}",
    st.sampled_from(["", "-"]),
    digits,
    st.just("") | digits.map(lambda text: f".{text}"),
    st.just("") | st.builds(lambda e, power: f"{e}{power}", st.sampled_from(["e", "E", "e+"]), st.integers(0, 77))
    | st.integers(-400, -1).map(lambda power: f"e{power}"),
)  # fmt: skip
special = st.sampled_from(
    ["1e22", "-0.0", "-0", "0.1", "123456789012345678", "1E-5", "5e-324", "1e100", "9007199254740993"]
)
numbers = st.floats(-LARGEST, LARGEST).map(json.dumps) | written | special
names = st.sampled_from(["a", "device_7", "pump/3 :x", "é", "Kühlhaus", 'q"uote', "back\\slash"]) | st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20
)
channels = st.sampled_from(["value", "flow", "pressure", "µ"])
objects = st.dictionaries(channels, numbers, min_size=1).map(
    lambda values: "{" + ", ".join(f"{json.dumps(name)}:{value}" for name, value in values.items()) + "}"
)
times = st.builds(
    lambda moment, separator, spec, zone: json.dumps(moment.isoformat(separator, spec) + zone),
    st.datetimes(FIRST, LAST),
    st.sampled_from(["T", "T", " ", "t"]),
    st.sampled_from(["auto", "hours", "minutes", "seconds", "milliseconds", "microseconds"]),
    st.sampled_from(["Z", "Z", "", "+00:00", "+05:30", "-23:59", "+0100", "+05:30:15"]),
) | st.sampled_from(
    ['"2025-11-07"', '"2025-11-07T15:22:31.1Z"', '"2024-02-29T00:00:00.123456789Z"', '"20251107T152231Z"']
)
unknown = st.tuples(
    st.sampled_from(["unit", "seq", "Label", "µ"]),
    st.sampled_from(['"C"', "12", "-0", "true", "null", "[1,{}]", '{"data":1}', '"\\u00e9"']),
)


@st.composite
def readings(draw: st.DrawFn) -> bytes:
    """A valid reading in some form."""
    fields = [
        ("device_id", json.dumps(draw(names), ensure_ascii=draw(st.booleans()))),
        ("data", draw(numbers | objects)),
        ("timestamp", draw(times)),
    ]
    if draw(st.booleans()):
        fields.append(("label", draw(st.sampled_from(["0", "1", "null"]))))
    fields += draw(st.lists(unknown, max_size=2, unique_by=lambda field: field[0]))
    fields = draw(st.permutations(fields))
    space = draw(st.sampled_from(["", "", " ", "\t ", " \r"]))
    inside = f"{space},{space}".join(f'"{name}"{space}:{space}{value}' for name, value in fields)
    return f"{space}{{{space}{inside}{space}}}{space}".encode()


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A reading of which bytes were changed, put in, or left out."""
    message = bytearray(draw(readings()))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(message)))
        new = draw(st.binary(max_size=1) | st.sampled_from([bytes([c]) for c in b'{}[]":,\\\n -+.eE0129Z\x00\xff']))
        message[place : place + draw(st.integers(0, 1))] = new
    return bytes(message)


messages = st.lists(
    readings() | mutilated() | st.lists(readings() | mutilated(), max_size=4).map(b"\n".join) | st.binary(max_size=20),
    max_size=12,
)


def assert_same(sent: list[bytes], before: list[bytes] | None = None) -> None:
    """The decoder and the plain way come to the same, and devices have their rows in the order of the readings.

    What came ``before`` has made devices and channels known.
    """
    devices = Devices()
    decoder = Decoder(devices)
    decoder.messages(before or [])
    chunk = decoder.messages(sent)
    readings, refused = plain.decode(sent)
    assert plain.of_chunk(chunk, devices) == readings
    assert [(rejected.location, rejected.reason, rejected.raw) for rejected in chunk.rejected] == refused
    spoken = dict.fromkeys(reading.device for reading in plain.decode(before or [])[0] + readings)
    assert [devices.id(row) for row in range(len(devices))] == list(spoken)


@thorough
@given(st.lists(readings(), max_size=12))
def test_valid_readings_are_decoded_bit_for_bit(sent) -> None:
    assert_same(sent)
    devices = Devices()
    assert not Decoder(devices).messages(sent).rejected


@thorough
@given(messages)
def test_mutilated_messages_are_refused_as_the_strict_way_refuses_them(sent) -> None:
    assert_same(sent)


@thorough
@given(messages, st.data())
def test_how_messages_are_cut_into_chunks_changes_nothing(sent, data) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=3)))
    whole, parts = Devices(), Devices()
    expected = plain.of_chunk(Decoder(whole).messages(sent), whole)
    decoder = Decoder(parts)
    chunks = [decoder.messages(sent[a:b]) for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    # A device may have got another channel in a later chunk, which is NaN in none of its earlier readings.
    assert [reading for chunk in chunks for reading in plain.of_chunk(chunk, parts)] == expected
    assert [parts.id(row) for row in range(len(parts))] == [whole.id(row) for row in range(len(whole))]
    assert [parts.channels(row) for row in range(len(parts))] == [whole.channels(row) for row in range(len(whole))]


def forms(name: str) -> list[str]:
    """Ways to write something, right and wrong."""
    return (Path(__file__).parent / "forms" / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize(
    "data", [*forms("numbers"), "", "1 2", "1\n", "{", "{}", '{"x":1', '{"x":1,}', '{"x" 1}', "{x:1}"]
)
def test_a_number_is_what_the_strict_way_takes_it_for(data: str) -> None:
    assert_same([line("a", data), line("a", f'{{"x":{data}}}'), line("b", data)], before=[line("a", '{"x":1}')])


@pytest.mark.parametrize(
    "time", [*forms("times"), "", "2025-11-07 15:22:31", "2025-11-07T15:22:31 Z", " 2025-11-07T15:22:31Z"]
)
def test_a_time_is_what_the_strict_way_takes_it_for(time: str) -> None:
    assert_same([line().replace(b"2025-11-07T15:22:31.000Z", time.encode())])


OBJECTS = [
    b"{}",
    b"[]",
    b"{",
    b"}",
    b'{"device_id"',
    b'{"device_id":',
    b'{"device_id":"a',
    b'{"device_id":"a"',
    b'{"device_id":"a",',
    line() + b",",
    line() + b"\n,",
    line()[:-1],
    line() + b" x",
    line() + line(),
    b"," + line(),
    line()[:-1] + b",}",
    line("a" * 256),
    line("a" * 257),
    line(""),
    line("a\tb"),
    line("a\x7f"),
    line('a\\"b'),
    line("a\\u0041"),
    line("\u00e9"),
    line(more=',"label":0'),
    line(more=',"label":1.0'),
    line(more=',"label":2'),
    line(more=',"label":01'),
    line(more=',"label":'),
    line(more=',"label":nul'),
    line(more=',"label":true'),
    line(more=',"label":null,"label":null'),
    line(more=',"label":0,"label":0'),
    line(more=',"data":1'),
    line(more=',"device_id":"a"'),
    line(more=f",{TIME}"),
    line(more=',"unit":"C","unit":"C"'),
    line(more=',"unit":tru'),
    line(more=',"unit":truely'),
    line(more=',"unit":01'),
    line(more=',"unit":'),
    line(more=',"":1'),
    line(more=',"unit"'),
    line(more=",unit:1"),
    line(more=',"unit":{}'),
    line(more=',"unit":[1,2]'),
    line(more=',"unit":1e400'),
    line(data='{"x":1,"x":1}'),
    line(data='{"x":1,"y":2}'),
    line(data='{"":1}'),
    line(data='{"x":{"y":1}}'),
    line(data='{"x":"1"}'),
]


@pytest.mark.parametrize("message", OBJECTS, ids=repr)
def test_an_object_is_what_the_strict_way_takes_it_for(message: bytes) -> None:
    assert_same([message])
    assert_same([message], before=[line("a", '{"x":1,"y":2}')])


PLAIN = [
    line(),
    line(data="-12.5e-3", more=',"label":1'),
    line(data="0.30000000000000004"),
    line(data="0.00012345678901234567"),
    line(data="123456789012345678"),
    line(data="1E+22", more=',"label":null'),
    line(more=',"unit":"C","seq":12,"ok":true,"no":null'),
    b'{"label": 0, "timestamp": "2025-11-07 15:22:31.123456+05:30", "data": 7, "device_id": "pump 7 / x"}\r',
    b' { "device_id" : "a" , "data" : 1.0 , "timestamp" : "2025-11-07T15:22:31" } ',
    line() + b"\n" + line("b"),
    line("new"),
]


@pytest.mark.parametrize("message", PLAIN, ids=bytes.decode)
def test_what_programs_write_needs_no_strict_check(message, monkeypatch) -> None:
    expected = plain.decode([message])[0]

    def strict(line: bytes) -> None:
        raise AssertionError(line)

    monkeypatch.setattr(decode, "parse", strict)
    devices = Devices()
    assert plain.of_chunk(Decoder(devices).messages([message]), devices) == expected


def test_channels_of_a_device_that_is_known_need_no_strict_check(monkeypatch) -> None:
    sent = line(data='{"pressure":1.25, "flow":-3}')
    devices = Devices()
    decoder = Decoder(devices)
    first = plain.of_chunk(decoder.messages([sent]), devices)
    monkeypatch.delattr(decode, "parse")
    assert plain.of_chunk(decoder.messages([sent]), devices) == first
    assert plain.of_chunk(decoder.messages([line(data='{"flow":7}')]), devices)[0].values == {("flow", (7.0).hex())}


def test_channels_are_in_the_order_in_which_a_device_first_sent_them() -> None:
    sent = [
        line("a", "1"),
        line("b", '{"x":1,"y":2}'),
        line("b", '{"y":3,"x":4}'),
        line("a", '{"z":5}'),
        line("b", "6"),
    ]
    devices = Devices()
    batch = Decoder(devices).messages(sent).batch
    assert [devices.channels(row) for row in (0, 1)] == [("value", "z"), ("x", "y", "value")]
    nan = np.nan
    np.testing.assert_array_equal(batch.values, [[1, nan, nan], [1, 2, nan], [4, 3, nan], [nan, 5, nan], [nan, nan, 6]])
    assert batch.values.flags.c_contiguous


def test_malformed_messages_take_none_of_their_neighbours_with_them() -> None:
    rng = random.Random(3)
    breaks = [
        lambda text: text[: rng.randrange(len(text))],
        lambda text: text.replace(b'"data":', b'"data":"', 1),
        lambda text: text.replace(b"device_id", b"device", 1),
        lambda text: text.replace(b"2025-11", b"2025-13", 1),
        lambda text: text[:-1] + b',"data":1}',
        lambda text: text.replace(b'"data":', b'"data":NaN', 1),
        lambda text: b"\xff\xfe" + text,
        lambda text: rng.randbytes(rng.randrange(200)),
        lambda text: b"",
        lambda text: b"\n" * rng.randrange(9),
        lambda text: text + b"x" * LONGEST_LINE,
        lambda text: text.replace(b"\n", b"\r\n") * 2,
    ]
    sent, good, bad = [], [], []
    for number in range(20_000):
        text = line(f"device_{rng.randrange(300)}", str(number))
        if number % 2:
            text = rng.choice(breaks)(text)
            bad.append(text)
        else:
            good.append(number)
        sent.append(text)
    chunk = Decoder(Devices()).messages(sent)
    assert chunk.batch.values.ravel().tolist() == good
    assert [rejected.raw for rejected in chunk.rejected] == bad
    assert [int(rejected.location.removeprefix("message ")) for rejected in chunk.rejected] == list(range(1, 20_000, 2))


def test_a_line_of_a_packed_message_is_refused_by_itself() -> None:
    message = b"\n".join([line("a"), b"garbage", line("b"), b"", line("c")]) + b"\n"
    devices = Devices()
    chunk = Decoder(devices).messages([line("z"), message])
    assert [reading.device for reading in plain.of_chunk(chunk, devices)] == ["z", "a", "b", "c"]
    assert [(refused.location, refused.raw) for refused in chunk.rejected] == [("message 1, line 2", b"garbage")]


def test_a_message_without_any_reading_stays_whole() -> None:
    foreign = bytes(range(256)) * 3
    chunk = Decoder(Devices(), "edge").messages([foreign], lambda i: f"partition 3, offset {i + 70}")
    (refused,) = chunk.rejected
    assert (refused.source, refused.location, refused.raw) == ("edge", "partition 3, offset 70", foreign)
    assert refused.reason.startswith("not UTF-8")


def test_a_reading_may_be_spread_over_lines() -> None:
    devices = Devices()
    chunk = Decoder(devices).messages([json.dumps(json.loads(line("a")), indent=2).encode()])
    assert [reading.device for reading in plain.of_chunk(chunk, devices)] == ["a"]
    assert not chunk.rejected


def test_lines_count_on_and_blank_ones_are_nothing() -> None:
    devices = Devices()
    decoder = Decoder(devices)
    first = decoder.lines(line("a") + b"\r\n\n  \nbad\n" + line("b"))
    second = decoder.lines(b"\n" + line("c") + b"\nworse")
    assert [reading.device for chunk in (first, second) for reading in plain.of_chunk(chunk, devices)] == [
        "a",
        "b",
        "c",
    ]
    found = [(refused.location, refused.raw) for refused in first.rejected + second.rejected]
    assert found == [("line 4", b"bad"), ("line 8", b"worse")]


@thorough
@given(st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"")), max_size=9), st.booleans())
def test_lines_are_found_wherever_they_end(lines, last) -> None:
    chunk = Decoder(Devices()).lines(b"\n".join(lines) + b"\n" * last)
    expected = [(f"line {i}", text) for i, text in enumerate(lines, 1) if text.strip(b" \t\r\n")]
    assert [(refused.location, refused.raw) for refused in chunk.rejected] == expected


def test_nothing_is_no_reading() -> None:
    decoder = Decoder(Devices())
    for chunk in (decoder.lines(b""), decoder.messages([])):
        assert (chunk.batch.size, chunk.batch.values.shape, chunk.rejected) == (0, (0, 1), [])


def test_a_line_is_too_long_whatever_it_holds() -> None:
    padding = b" " * (LONGEST_LINE - len(line()))
    chunk = Decoder(Devices()).messages([line() + padding, padding + b" " + line(), line() + padding + b"\n"])
    assert chunk.batch.size == 2
    assert [refused.reason for refused in chunk.rejected] == ["65537 bytes are too long for a reading: at most 65536"]


def test_new_devices_among_unusual_messages_are_numbered_in_order() -> None:
    rng = random.Random(4)
    sent = []
    for number in range(3 * MOST_LEFT):
        device = f"device_{rng.randrange(number // 2 + 1)}"
        data = rng.choice(["1", '{"x":1}', '{"x":1,"y":2}', "-0", "bad"])
        sent.append(line(device, data, rng.choice(["", ',"unit":"\\u00b0C"'])))
    assert_same(sent)


def test_many_new_devices_at_once() -> None:
    sent = [line(f"{number:x}" * 8) for number in range(20_000)]
    devices = Devices()
    assert Decoder(devices).messages(sent).batch.rows.tolist() == list(range(20_000))
    assert len(devices) == 20_000


def test_devices_have_so_many_channels_at_most() -> None:
    devices = Devices()
    decoder = Decoder(devices)
    most = json.dumps(dict.fromkeys(map(str, range(MOST_CHANNELS)), 1))
    chunk = decoder.messages([line("a", most), line("a", '{"new":1}'), line("a", '{"0":2}')])
    assert chunk.batch.size == 2
    assert [refused.reason for refused in chunk.rejected] == ["a has other channels already: at most 64 in all"]
    chunk = decoder.messages([line(f"b{i}", f'{{"c{i}":1}}') for i in range(MOST_KINDS)])
    assert len(devices.kinds) == MOST_KINDS
    assert {refused.reason for refused in chunk.rejected} == {
        "the devices have more than 256 different sets of channels"
    }
