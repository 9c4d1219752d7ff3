"""Frames: whatever bytes a message has, and whatever its neighbours have, come out as they went in."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from flead.bus.frames import FIELD, LATIN_1, MESSAGE, messages
from tests.training.shapes import thorough

Message = tuple[int, bytes, bytes]

anything = st.binary(max_size=40) | st.text("abc {}\n", max_size=40).map(str.encode)
some_messages = st.lists(st.tuples(st.integers(0, 2**62), st.binary(max_size=9), anything), min_size=1, max_size=9)


def framed(wanted: Sequence[Message]) -> bytes:
    """What Flink's SQL makes of messages (offset, key, value)."""
    frames = (f"{o}{FIELD}{key.decode(LATIN_1)}{FIELD}{value.decode(LATIN_1)}" for o, key, value in wanted)
    return MESSAGE.join(frames).encode()


@thorough
@given(some_messages)
def test_every_byte_survives(wanted: list[Message]) -> None:
    found = messages(framed(wanted))
    values = [found.values[start:stop] for start, stop in zip(found.bounds[:-1], found.bounds[1:], strict=True)]
    assert list(zip(found.offsets.tolist(), map(found.key, range(len(wanted))), values, strict=True)) == wanted


def test_separators_in_a_message_are_no_separators() -> None:
    hostile = f"{FIELD}{MESSAGE}7{FIELD}".encode()
    found = messages(framed([(0, hostile, hostile), (1, b"", b"x")]))
    assert (found.key(0), found.values) == (hostile, hostile + b"x")
    assert found.bounds.tolist() == [0, len(hostile), len(hostile) + 1]
