"""Lines on standard input, however they are cut, and what is none of them."""

import os

from flead.agent.line_source import LineSource
from flead.columns import Devices
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
