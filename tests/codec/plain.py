"""Decoding one line at a time with every check: what the decoder must come to, whatever way it takes."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from flead.boundary import MalformedError
from flead.codec.strict import BLANK, Parsed, parse
from flead.columns import Chunk, Devices
from flead.messages.reader import NOWHERE, Messages

Value = tuple[str, str]  # channel, and the number's bits


class Plain(NamedTuple):
    """A reading for comparison: bit for bit, without the order of its channels."""

    device: str
    values: frozenset[Value]
    time: int
    label: int


def decode(messages: Sequence[bytes]) -> tuple[list[Plain], list[tuple[str, str, bytes]]]:
    """The readings, and the location, reason and bytes of what is none."""
    readings, refused = [], []
    for number, message in enumerate(messages):
        lines = message.removesuffix(b"\n").split(b"\n")
        judged = [(i, line, attempt(line)) for i, line in enumerate(lines, 1) if line.strip(BLANK)]
        whole = attempt(message)
        if any(isinstance(result, Plain) for _, _, result in judged):
            readings += [result for _, _, result in judged if isinstance(result, Plain)]
            refused += [
                (f"message {number}, line {i}", result, line) for i, line, result in judged if isinstance(result, str)
            ]
        elif isinstance(whole, Plain):
            readings.append(whole)
        else:
            refused.append((f"message {number}", whole, message))
    return readings, refused


def attempt(line: bytes) -> Plain | str:
    """The reading, or why it is none: in plain form, else in another shape that says whose it is, when and what."""
    try:
        return of(parse(line))
    except MalformedError as error:
        if line.lstrip(BLANK).startswith(b"{") and b'"data"' not in line:
            with suppress(ValueError):
                (read,) = Messages().read(line, "", NOWHERE, None)
                return of(parse(read))
        return str(error)


def of(parsed: Parsed) -> Plain:
    values = zip(parsed.channels, map(float.hex, parsed.numbers), strict=True)
    return Plain(parsed.device_id, frozenset(values), parsed.time, parsed.label)


def of_chunk(chunk: Chunk, devices: Devices) -> list[Plain]:
    """The readings of a chunk."""
    batch = chunk.batch
    return [
        Plain(
            devices.id(row),
            frozenset(
                (channel, value.hex())
                for channel, value in zip(devices.channels(row), values, strict=False)
                if value == value
            ),
            time,
            label,
        )
        for row, time, values, label in zip(*(column.tolist() for column in batch), strict=True)
    ]
