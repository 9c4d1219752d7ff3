"""A message's own time."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flead.records import to_milliseconds

EARLIEST, LATEST = 100_000_000_000, 9_214_646_400_000
"""Milliseconds since the epoch, 1973 to 2261: anything outside is a clock that was not set, or no time at all."""
_SECONDS, _MILLIS, _MICROS = 1e11, 1e14, 1e17
_WORD = re.compile(r"\s*(?:\[[\w/+-]+\]|\(?(?:UTC|GMT|Z)\)?)$")
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$")


def own_time(said: object, zone: ZoneInfo | None) -> int | None:
    """Milliseconds since the epoch of what a message says under the name of a time; None if that is no time.

    Numbers count seconds, milliseconds, microseconds or nanoseconds, as their size says. A text without an offset is
    of ``zone``, UTC by default.

    >>> own_time(1741000000, None), own_time("1741000000000", None), own_time("2025-03-03T12:06:40+0100", None)
    (1741000000000, 1741000000000, 1741000000000)
    """
    if isinstance(said, bool) or said is None:
        return None
    if isinstance(said, str):
        said = said.strip()
        number = _number(said)
        if number is None:
            return _in_words(said, zone)
        said = number
    if not isinstance(said, int | float):
        return None
    size = abs(said)
    scale = 1000.0 if size < _SECONDS else 1.0 if size < _MILLIS else 1e-3 if size < _MICROS else 1e-6
    milliseconds = said * scale
    return int(milliseconds) if EARLIEST <= milliseconds < LATEST else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _in_words(text: str, zone: ZoneInfo | None) -> int | None:
    bare = _WORD.sub("", text)
    try:
        if zone is not None and bare == text and not _OFFSET.search(text):
            moment = datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
            milliseconds = to_milliseconds(moment.isoformat())
        else:
            milliseconds = to_milliseconds(bare)
    except (ValueError, OverflowError):
        return None
    return milliseconds if EARLIEST <= milliseconds < LATEST else None
