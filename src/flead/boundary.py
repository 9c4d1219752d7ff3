"""The boundary: bytes from outside become a record here, once, and nothing about a record that has passed can raise.

Whatever comes over Kafka, MQTT or HTTP goes through :func:`record`, which either returns a record of the type asked for
or raises :class:`MalformedError` with the reason, and nothing else, whatever the bytes are. Behind
it hold, for every record:

- it was UTF-8 and JSON of at most ``MOST_BYTES`` bytes, nested at most ``MOST_DEPTH`` deep;
- no text in it has control characters (Postgres refuses NUL, terminals obey the others) or is longer than
  ``LONGEST_TEXT`` bytes, and no name is longer than ``records.LONGEST_NAME`` bytes;
- every number is finite and at most ``records.LARGEST`` in size, so that sums and squares stay finite;
- every timestamp is a time of the years 1970 to 2261, which numpy and Postgres both hold.

Readings, of which there are a million a second, have a faster way with the same rules: :mod:`flead.codec.scan` for
those in plain form and :mod:`flead.codec.strict` for the others.
"""

import re
from functools import cache
from typing import Any, TypeVar

import msgspec

from flead.records import LARGEST, LONGEST_NAME, to_milliseconds

Record = TypeVar("Record", bound=msgspec.Struct)

LAST_TIME = to_milliseconds("2261-12-31T23:59:59.999Z")
"""The last whole year that fits into 64 bits as nanoseconds since 1970."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

MOST_BYTES = 1 << 20
"""A global model of 50,000 parameters has as many; Kafka's own limit for a message is the same."""
MOST_DEPTH = 16
"""Records of ours are nested four deep; decoders recurse, and a thread's stack ends."""
LONGEST_TEXT = 1024
"""A public key, the longest text of ours that is no name, has 44 bytes; a pattern of devices may have more."""

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
# What Python's fromisoformat takes beyond this (weeks, times without separators) Postgres does not, or otherwise.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)


class MalformedError(ValueError):
    """Why something is no reading or other record, in words for whoever sent it."""


def record(kind: type[Record], text: bytes | None) -> Record:
    """The record of this type in these bytes. Raises MalformedError, and nothing else."""
    text = text or b""
    if len(text) > MOST_BYTES:
        raise MalformedError(f"{len(text)} bytes are too long for a record: at most {MOST_BYTES}")
    refuse_depth(text)
    try:
        text.decode()
        found: Record = _decoder(kind).decode(text)
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8: byte {error.start} is {text[error.start]:#04x}") from None
    except msgspec.MsgspecError as error:
        raise MalformedError(str(error)) from None
    for field in found.__struct_fields__:
        value = getattr(found, field)
        _check(field, value)
        if field == "timestamp":
            time_of(value)
    return found


def time_of(text: str) -> int:
    """Milliseconds since the epoch. Raises MalformedError for what is no time that every part can hold."""
    try:
        time = to_milliseconds(text) if _TIME.fullmatch(text) else None
    except (ValueError, OverflowError):
        time = None
    if time is None:
        raise MalformedError(f"timestamp {text[:40]!r} is no ISO 8601 time such as 2025-11-07T15:22:31.000Z")
    if not 0 <= time <= LAST_TIME:
        raise MalformedError(f"timestamp {text[:40]!r} is not of the years 1970 to 2261")
    return time


def name_of(text: str) -> str:
    """The text, which may be the name of a device, a channel or an agent. Raises MalformedError if it may not."""
    if not text:
        raise MalformedError("a name is empty")
    _check_text("a name", text, LONGEST_NAME)
    return text


@cache
def _decoder(kind: type[Record]) -> "msgspec.json.Decoder[Record]":
    return msgspec.json.Decoder(kind)


def refuse_depth(text: bytes) -> None:
    """Raise MalformedError if JSON is nested deeper than decoders, which recurse, can be asked to follow."""
    if text.count(b"[") + text.count(b"{") <= MOST_DEPTH:
        return
    depth = 0
    for found in _BRACKETS.finditer(text):
        if found[0] in b"[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise MalformedError(f"JSON is nested too deeply: at most {MOST_DEPTH}")
        elif found[0] in b"]}":
            depth -= 1


def _check(place: str, value: Any) -> None:
    if isinstance(value, str):
        _check_text(place, value, LONGEST_TEXT)
    elif isinstance(value, float | int):
        if not abs(value) <= LARGEST:
            raise MalformedError(f"{place} holds a number that is not finite, or beyond {LARGEST:g}")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(f"a name in {place}", key, LONGEST_NAME)
            _check(place, item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(place, item)


def _check_text(place: str, text: str, longest: int) -> None:
    if CONTROL.search(text):
        raise MalformedError(f"{place} has control characters: {text[:40]!r}")
    # Half a surrogate pair passes as JSON's \\ud800 where a decoder is lax, and is no text in UTF-8.
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > longest:
        raise MalformedError(f"{place} of {size} bytes is too long: at most {longest}")
