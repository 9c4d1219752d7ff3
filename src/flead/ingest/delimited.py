"""Bytes of a delimited text to columns of cells, without losing a line.

A row is one physical line: the line number of a bad row is exact, and a stray quote cannot swallow the
rest of a file. Lines of spaces only are no rows. Quotes work within a line; a line break within quotes does not.
Every row either has as many cells as there are columns, or it is malformed, with a reason.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.records import DEFAULT_CHANNEL

_NEWLINE, _RETURN, _SPACE, _QUOTE = b'\n\r "'
_BLANK = b" \r"
_BLANK_LINES = re.compile(rb"(?:[ \r]*\n)*")
_BOM = b"\xef\xbb\xbf"
_SEPARATORS = (",", ";", "\t")


class Table(NamedTuple):
    """R rows, of which K have the right number of cells."""

    text: bytes
    starts: NDArray[np.int64]  # (R,) where the row's line begins in text
    stops: NDArray[np.int64]  # (R,) where it ends, its line break excluded
    lines: NDArray[np.int64]  # (R,) its line number in the file
    cells: pl.DataFrame  # K rows of strings, null where a cell is empty
    places: NDArray[np.int64]  # (K,) which of the R rows they are, rising
    malformed: dict[int, str]  # the other rows: place -> reason

    def raw(self, place: int) -> bytes:
        """The bytes of a row as they came."""
        return self.text[self.starts[place] : self.stops[place]]


class Header(NamedTuple):
    """The line that names the columns."""

    line: bytes
    columns: list[str]  # distinct
    separator: str
    rest: bytes  # the text after it
    next_line: int  # the number of the first line of rest


def read_header(text: bytes) -> Header | None:
    """The header of a file that begins with ``text``, None if that is blank.

    The separator is the one that the line has most of. A column without a name gets its number as one, and a
    repeated name its number added. A first line of numbers only is no header: its columns have no names.
    """
    text = text.removeprefix(_BOM)
    blank = _BLANK_LINES.match(text)
    skipped = blank.end() if blank else 0
    line, _, rest = text[skipped:].partition(b"\n")
    line = line.rstrip(_BLANK)
    if not line:
        return None
    number = text.count(b"\n", 0, skipped) + 1
    separator = _sniff_separator(line)
    try:
        columns = [cell.strip() for cell in _split_line(line, separator)]
    except csv.Error:
        columns = [cell.strip() for cell in line.decode(errors="replace").split(separator)]
    if all(_is_number(column) for column in columns):
        nameless = [DEFAULT_CHANNEL] if len(columns) == 1 else [""] * len(columns)
        return Header(line, _distinct(nameless), separator, text[skipped:], number)
    return Header(line, _distinct(columns), separator, rest, number + 1)


def read_blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """What is left of the file, in blocks of whole lines of about ``size`` bytes."""
    pending: list[bytes] = []
    while block := file.read(size):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*pending, block[:cut]])
            pending = []
        pending.append(block[cut:])
    if any(pending):
        yield b"".join(pending)


def split(
    text: bytes, first_line: int, separator: str, columns: Sequence[str], comment: str = "", fewest: int = 0
) -> Table:
    """The rows of ``text``, whose first line has this number in its file. ``columns`` are distinct.

    Lines that begin with ``comment`` are no rows. Empty cells behind the last column are none, and those behind the
    ``fewest`` first columns may be left out.
    """
    raw = np.frombuffer(text, dtype=np.uint8)
    starts, stops, kept = _find_lines(raw, text)
    if comment:
        told = raw[starts] != ord(comment)
        kept[kept] = told
        starts, stops = starts[told], stops[told]
    separators = np.flatnonzero(raw == ord(separator))
    quotes = np.flatnonzero(raw == _QUOTE)
    odd, quoted = _quoting(raw, starts, stops, quotes, ord(separator))
    if len(quotes) and not odd.all():
        # Where quotes stand in pairs, a separator between an odd number of them and the next is part of a cell.
        before = np.searchsorted(quotes, np.stack([separators, starts[_line_of(separators, starts)]]))
        separators = separators[(before[0] - before[1]) % 2 == 0]
    widths = np.searchsorted(separators, stops) - np.searchsorted(separators, starts) + 1
    # Polars would take a BOM away from the first line, which then may be none.
    odd |= raw[starts] == _BOM[0]
    plain = ~odd & (widths == len(columns))
    places = np.flatnonzero(plain)
    if plain.all() and kept.all():
        cells = _split_plain(text, len(places), separator, columns, bool(len(quotes)))
    else:
        lines = [text[starts[place] : stops[place]] for place in places.tolist()]
        cells = _split_plain(b"\n".join(lines), len(places), separator, columns, bool(quoted[plain].any()))
    rest = np.flatnonzero(~plain)
    malformed: dict[int, str] = {}
    if len(rest):
        lines_of = {place: text[starts[place] : stops[place]] for place in rest.tolist()}
        found, malformed = _split_one_by_one(lines_of, separator, columns, fewest or len(columns))
        places = np.concatenate([places, np.array(list(found), dtype=np.int64)])
        order = np.argsort(places)
        cells, places = pl.concat([cells, _frame(list(found.values()), columns)])[order], places[order]
    return Table(text, starts, stops, first_line + np.flatnonzero(kept), cells, places, malformed)


def _line_of(places: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.maximum(np.searchsorted(starts, places, side="right") - 1, 0)


def _quoting(
    raw: NDArray[np.uint8],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    quotes: NDArray[np.int64],
    separator: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Lines whose quotes do not simply enclose whole cells, and lines that have quotes."""
    first, last = np.searchsorted(quotes, starts), np.searchsorted(quotes, stops)
    quoted = last > first
    if not len(quotes) or not len(starts):
        return np.zeros(len(starts), np.bool_), quoted
    odd = (last - first) % 2 == 1
    line = _line_of(quotes, starts)
    opening = (np.arange(len(quotes)) - first[line]) % 2 == 0
    before = np.where(quotes > starts[line], raw[np.maximum(quotes - 1, 0)], separator)
    behind = np.where(quotes + 1 < stops[line], raw[np.minimum(quotes + 1, len(raw) - 1)], separator)
    wrong = np.where(opening, before, behind) != separator
    odd[line[wrong]] = True
    return odd & quoted, quoted


def _find_lines(raw: NDArray[np.uint8], text: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Where the lines that are not blank start and stop, and which of all lines they are."""
    ends = np.flatnonzero(raw == _NEWLINE)
    if len(raw) and raw[-1] != _NEWLINE:
        ends = np.append(ends, len(raw))
    starts = np.concatenate([np.zeros(min(1, len(ends)), dtype=np.int64), ends[:-1] + 1])
    full = ends > starts
    last = raw[ends - 1]
    stops = ends - (full & (last == _RETURN))
    # Only a line with a blank at both its ends can be all blank: the look at each byte is for those few.
    kept = stops > starts
    first = raw[np.minimum(starts, len(raw) - 1)]
    for line in np.flatnonzero(kept & np.isin(first, (_SPACE, _RETURN)) & np.isin(last, (_SPACE, _RETURN))):
        kept[line] = bool(text[starts[line] : stops[line]].strip(_BLANK))
    return starts[kept], stops[kept], kept


def _split_plain(lines: bytes, count: int, separator: str, columns: Sequence[str], quoted: bool) -> pl.DataFrame:
    """The cells of ``count`` lines with the right number of separators, and at most simple quotes."""
    if not count:
        return _frame([], columns)
    cells = pl.read_csv(
        lines,
        has_header=False,
        separator=separator,
        quote_char='"' if quoted else None,
        schema=dict.fromkeys(columns, pl.String),
        encoding="utf8-lossy",
    )
    if cells.height != count:
        raise AssertionError(f"{count} lines were read as {cells.height} rows")
    return cells


def _split_one_by_one(
    lines: dict[int, bytes], separator: str, columns: Sequence[str], fewest: int
) -> tuple[dict[int, list[str]], dict[int, str]]:
    """The cells of lines one by one, quotes resolved, by place; and why other lines have none."""
    found, malformed = {}, {}
    for place, line in lines.items():
        try:
            cells = _split_line(line, separator)
        except csv.Error as error:
            malformed[place] = f"not CSV: {error}"
            continue
        width = len(cells)
        while width > len(columns) and not cells[width - 1].strip():
            width -= 1
        if fewest <= width <= len(columns):
            found[place] = cells[:width] + [""] * (len(columns) - width)
        else:
            malformed[place] = _wrong_width(width, columns)
    return found, malformed


def _frame(rows: list[list[str]], columns: Sequence[str]) -> pl.DataFrame:
    cells = [[cell or None for cell in row] for row in rows]
    return pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String), orient="row")


def _wrong_width(found: int, columns: Sequence[str]) -> str:
    return f"{found} {'cell' if found == 1 else 'cells'} where there are {len(columns)} columns"


def _sniff_separator(header: bytes) -> str:
    """Comma, semicolon or tab: the one that the header has most of, quoted parts aside."""
    bare = b"".join(header.split(b'"')[::2])
    return max(_SEPARATORS, key=lambda separator: bare.count(separator.encode()))


def _split_line(line: bytes, separator: str) -> list[str]:
    """The cells of one line, quotes resolved. Raises :class:`csv.Error`."""
    return next(csv.reader((line.decode(errors="replace"),), delimiter=separator), [])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _distinct(columns: list[str]) -> list[str]:
    names: list[str] = []
    for number, column in enumerate(columns, start=1):
        name = column or f"column_{number}"
        while name in names:
            name = f"{name}_{number}"
        names.append(name)
    return names
