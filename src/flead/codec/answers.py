"""What the gateway answers an agent: which records it need not keep any longer."""

from collections.abc import Iterable, Iterator
from functools import partial

import msgspec

from flead.boundary import MalformedError, record
from flead.codec.packing import pack, unpack


class Refused(msgspec.Struct):
    """A record that was not believed and never will be, and why."""

    sequence: int
    reason: str


class Answer(msgspec.Struct, omit_defaults=True):
    """What is safely on Kafka, and what was refused."""

    received: list[tuple[int, int]] = []
    """First and last of numbers that follow each other."""
    refused: list[Refused] = []

    def sequences(self) -> Iterator[int]:
        """The numbers of what was received."""
        for first, last in self.received:
            yield from range(first, last + 1)


MOST = 65_536
"""Records that are answered for in one range: there are no more under way."""

_decode = partial(record, Answer)


def answer(received: Iterable[int], refused: list[Refused]) -> bytes:
    """The answer as it travels."""
    ranges: list[tuple[int, int]] = []
    for sequence in sorted(received):
        if ranges and sequence <= ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], sequence
        else:
            ranges.append((sequence, sequence))
    return pack(msgspec.json.encode(Answer(ranges, refused)))


def answered(payload: bytes) -> Answer:
    """What was answered. ValueError if this is no answer."""
    try:
        found = _decode(unpack(payload))
    except MalformedError as error:
        raise ValueError(str(error)) from None
    if any(last - first > MOST for first, last in found.received):
        raise ValueError("an answer for more records than there can be")
    return found
