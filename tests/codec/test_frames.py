"""Heads: where every message was and what its key was, whatever bytes keys have."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from flead.codec.frames import FIELD, LATIN_1, MESSAGE, places
from tests.shard.shapes import thorough

Message = tuple[int, bytes, bytes]


def gathered(messages: Sequence[Message]) -> tuple[list[bytes], bytes]:
    """What Flink's SQL makes of messages (offset, key, value): their values and their heads."""
    heads = (f"{offset}{FIELD}{key.decode(LATIN_1)}" for offset, key, _ in messages)
    return [value for _, _, value in messages], MESSAGE.join(heads).encode()


@thorough
@given(st.lists(st.tuples(st.integers(0, 2**62), st.binary(max_size=9)), min_size=1, max_size=9))
def test_every_byte_of_a_key_survives(wanted: list[tuple[int, bytes]]) -> None:
    assert places(gathered([(offset, key, b"") for offset, key in wanted])[1]) == wanted


def test_separators_in_a_key_are_no_separators() -> None:
    hostile = f"{FIELD}{MESSAGE}7{FIELD}".encode()
    assert places(gathered([(0, hostile, b""), (1, b"", b"")])[1]) == [(0, hostile), (1, b"")]
