"""One reading from JSON with every check there is: what decides whether a line is one, and if not, why."""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from flead.boundary import CONTROL, LAST_TIME, MalformedError, refuse_depth
from flead.codec.scan import LONGEST_LINE
from flead.records import DEFAULT_CHANNEL, LONGEST_NAME, NO_LABEL, Reading, to_milliseconds

BLANK = b" \t\r\n"
"""What JSON takes for space."""

_READING = msgspec.json.Decoder(Reading)
_FIELD = re.compile(rb'"(?:device_id|data|timestamp|label)"')


class Parsed(NamedTuple):
    """A reading as it was understood."""

    device_id: str
    channels: tuple[str, ...]
    numbers: tuple[float, ...]
    time: int
    label: int


def parse(line: bytes) -> Parsed:
    """The reading in this line. Raises :class:`MalformedError`."""
    if not line.strip(BLANK):
        raise MalformedError("empty")
    if len(line) > LONGEST_LINE:
        raise MalformedError(f"{len(line)} bytes are too long for a reading: at most {LONGEST_LINE}")
    refuse_depth(line)
    try:
        line.decode()
        reading = _READING.decode(line)
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8: byte {error.start} is {line[error.start]:#04x}") from None
    except msgspec.MsgspecError as error:
        raise MalformedError(str(error)) from None
    _refuse_repetition(line, reading)
    if isinstance(reading.data, dict):
        channels, numbers = tuple(reading.data), tuple(reading.data.values())
    else:
        channels, numbers = (DEFAULT_CHANNEL,), (reading.data,)
    for name in (reading.device_id, *channels):
        if CONTROL.search(name):
            raise MalformedError(f"{name!r} has control characters")
        if len(name.encode()) > LONGEST_NAME:
            raise MalformedError(f"a name of {len(name.encode())} bytes is too long: at most {LONGEST_NAME}")
    label = NO_LABEL if reading.label is None else reading.label
    return Parsed(reading.device_id, channels, numbers, _time(reading.timestamp), label)


def _time(text: str) -> int:
    try:
        time = to_milliseconds(text)
    except (ValueError, OverflowError):
        raise MalformedError(f"timestamp {text[:40]!r} is no ISO 8601 time such as 2025-11-07T15:22:31.000Z") from None
    if not 0 <= time <= LAST_TIME:
        raise MalformedError(f"timestamp {text[:40]!r} is not of the years 1970 to 2261")
    return time


def _refuse_repetition(line: bytes, reading: Reading) -> None:
    """Of a name that is there twice msgspec takes the last; which one was meant nobody knows."""
    fields = _FIELD.findall(line)
    if len(fields) == len(set(fields)) and b"\\" not in line and not isinstance(reading.data, dict):
        return
    # As floats, for a whole number of thousands of digits would be refused.
    pairs = json.loads(line, object_pairs_hook=_Object, parse_int=float)
    _refuse_repeated(name for name, _ in pairs if name in Reading.__struct_fields__)
    for name, value in pairs:
        if name == "data" and isinstance(value, _Object):
            _refuse_repeated(channel for channel, _ in value)


class _Object(list[tuple[str, Any]]):
    """A JSON object as it was written."""


def _refuse_repeated(names: Iterable[str]) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise MalformedError(f"{name!r} is there twice")
        seen.add(name)
