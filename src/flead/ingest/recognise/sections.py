"""A text's tables: a header that comes again ends one table and begins the next.

Exports that were joined repeat their header; a logger that was given another channel writes a new one half-way.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from flead.ingest.recognise.dialect import HEAD, Dialect, recognise_dialect
from flead.ingest.recognise.lines import is_number, is_time, split_line
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.spaces import tabbed


class Section(NamedTuple):
    """Rows of one form."""

    dialect: Dialect
    header: bytes
    """The line that names the columns; empty without one."""
    rows: bytes
    first_line: int
    """The number in the text of the rows' first line."""
    above: int
    """How many lines that are not blank stand above the rows: preamble, header, units."""
    whole: bytes | None = None
    """The text as it was, where its spaces have become tabs."""


class Known:
    """Dialects that were recognised before: most files of a folder begin alike, digits aside."""

    def __init__(self) -> None:
        self._dialects: dict[tuple[bytes, bytes], Dialect] = {}

    def recognise(self, window: bytes, pins: Pins) -> Dialect | None:
        """The dialect of a text that begins so."""
        header, _, rest = window.partition(b"\n")
        key = header, _shape(rest[: rest.find(b"\n") + 1])
        known = self._dialects.get(key)
        if known is None:
            known = recognise_dialect(window, pins)
            plain = known is not None and (known.header_line, known.first_line, known.comment) == (1, 2, "")
            if not (plain and key[1] and known):
                return known
            self._dialects[key] = known
        return known


def sections(text: bytes, pins: Pins, known: Known) -> Iterator[Section]:
    """The tables of a text, one behind the other; none of a blank text."""
    whole = text
    text = tabbed(text) if pins.separator in (None, " ") else text
    at, line = 0, 1
    while at < len(text):
        # One byte more than the head says that the text goes on.
        window = text[at : at + HEAD + 1]
        dialect = known.recognise(window, pins if at == 0 else replace(pins, header_line=None))
        if dialect is None:
            return
        start = at + _offset(window, dialect.first_line)
        stop = _next_header(text, start, dialect)
        header = _line_at(text, at + _offset(window, dialect.header_line)) if dialect.header_line else b""
        above = sum(bool(one.strip(b" \r")) for one in text[at:start].split(b"\n"))
        yield Section(
            dialect, header, text[start:stop], line + dialect.first_line - 1, above, None if text is whole else whole
        )
        line += text.count(b"\n", at, stop)
        at = stop


def _shape(line: bytes) -> bytes:
    """A row without what differs from number to number."""
    return re.sub(rb"-?\d+", b"0", line)


def _next_header(text: bytes, start: int, dialect: Dialect) -> int:
    """Where the next line begins that is a header, or the end of the text."""
    if not dialect.key or len(dialect.columns) < 2:
        return len(text)
    at = start - 1
    while (at := text.find(b"\n" + dialect.key, at)) >= 0:
        at += 1
        if _is_header(_line_at(text, at).decode(errors="replace"), dialect):
            return at
    return len(text)


def _is_header(line: str, dialect: Dialect) -> bool:
    """Whether this line, which begins like the header, names columns: most of them the known ones."""
    told = [cell.strip() for cell in split_line(line, dialect.separator) if cell.strip()]
    values = sum(is_time(cell) or (is_number(cell) and cell not in dialect.columns) for cell in told)
    return not values and 2 * len(set(told) & set(dialect.columns)) >= min(len(told), sum(dialect.named))


def _line_at(text: bytes, offset: int) -> bytes:
    stop = text.find(b"\n", offset)
    return text[offset : stop if stop >= 0 else len(text)].rstrip(b" \r")


def _offset(text: bytes, line: int) -> int:
    """Where a line begins; the end of the text if it has fewer."""
    offset = 0
    for _ in range(line - 1):
        found = text.find(b"\n", offset)
        if found < 0:
            return len(text)
        offset = found + 1
    return offset
