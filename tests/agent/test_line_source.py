"""Lines on standard input, however they are cut, and what is none of them."""

import os

from flead.agent.line_source import LineSource
from flead.columns import Devices
from flead.settings import Settings
from tests.platform_fixtures import eventually


def line(number: int) -> bytes:
    return b'{"device_id":"pump_%d","data":%d.5,"timestamp":"2025-01-01T00:00:%02dZ"}\n' % (
        number % 3,
        number,
        number % 60,
    )


def test_lines_in_any_pieces_and_bad_ones_among_them():
    reading, writing = os.pipe()
    devices, source = Devices(), LineSource("standard input", reading)
    source.open(devices, None)
    text = b"".join(map(line, range(100))) + b"no reading\n" + line(100) + line(101).rstrip()
    values, refused, ended = [], [], False

    def take() -> bool:
        nonlocal ended
        chunk = source.next_batch(10, None)
        if chunk is None:
            ended = True
        else:
            values.extend(chunk.batch.values[:, 0].tolist())
            refused.extend(chunk.rejected)
        return ended

    for start in range(0, len(text), 777):
        os.write(writing, text[start : start + 777])
        take()
    assert not ended
    os.close(writing)
    eventually(take, 20)
    assert values == [number + 0.5 for number in range(102)]
    assert [(one.location, one.raw) for one in refused] == [("line 101", b"no reading")]
    assert len(devices) == 3
    source.close()
    os.close(reading)


def read_all(text: bytes, settings: Settings) -> tuple[list[list[float]], list[tuple[str, str]], dict[str, int]]:
    """Values, what was refused, and what was left out, of lines on standard input."""
    reading, writing = os.pipe()
    source = LineSource("standard input", reading, settings)
    source.open(Devices(), None)
    os.write(writing, text)
    os.close(writing)
    chunks = []

    def take() -> bool:
        chunk = source.next_batch(10, None)
        if chunk is not None:
            chunks.append(chunk)
        return chunk is None

    eventually(take, 20)
    source.close()
    os.close(reading)
    values = [row for chunk in chunks for row in chunk.batch.values.tolist()]
    refused = [(one.location, one.reason) for chunk in chunks for one in chunk.rejected]
    return values, refused, source.left_out()


def test_lines_of_any_shape_numeric_times_and_limits():
    text = (
        b'{"device_id":"a","data":1.5,"timestamp":1717225200}\n\n'
        b'{"fields":{"t":2.5},"name":"m","tags":{"host":"a"},"timestamp":1717225260}\n'
        b'[{"device":"a","ts":1717225320000,"value":3.5},{"device":"a","ts":1717225380000,"value":400}]\n'
        b"warm\n" + line(3)
    )
    values, refused, left_out = read_all(text, Settings(limits={"value": (-40, 85)}))
    assert [[value for value in row if value == value] for row in values] == [[1.5], [2.5], [3.5], [3.5]]
    assert [(place, reason.partition(":")[0]) for place, reason in refused] == [
        ("line 5", "neither a number nor JSON"),
        ("a", "no value in any channel"),
    ]
    assert left_out["value: outside its limits"] == 1
