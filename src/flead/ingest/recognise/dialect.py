"""How the lines of a text make a table: separator, preamble, header, units, first row.

The body of the beginning says it, not the header: of the separators that split most of its lines alike, the one whose
cells are numbers and times. The header is the line above the first row that names columns best.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from flead.ingest.recognise.lines import (
    form_of,
    is_bare_number,
    is_number,
    is_time,
    is_typed,
    names_a_time,
    split_line,
)
from flead.ingest.recognise.pins import Pins
from flead.records import DEFAULT_CHANNEL
from flead.vocabulary import TIMES, is_absent, is_unit, plain

SEPARATORS = (",", ";", "\t", "|")
HEAD = 1 << 16
_LINES, _BODY = 300, 120
_MOST_UNIT_ROWS = 3
_COMMENTS = "#%!"


class Dialect(msgspec.Struct, frozen=True):
    """The form of a table. Lines count from 1 within the text that it was recognised in."""

    separator: str
    columns: tuple[str, ...]
    """Distinct names; ``column_3`` for the third that has none."""
    units: tuple[str, ...] = ()
    """What the row of units says, a column each; empty without such a row."""
    header_line: int = 0
    """0: there is no header."""
    first_line: int = 1
    """Of the rows."""
    comment: str = ""
    """Lines that begin with it are no rows."""
    reason: str = ""
    named: tuple[bool, ...] = ()
    """Which columns have a name of their own."""
    fewest: int = 0
    """Cells of a row, at least: columns behind it have no name, and may be left out."""
    key: bytes = b""
    """How a line begins that is a header again."""


class _Line(NamedTuple):
    number: int
    text: str


def recognise_dialect(text: bytes, pins: Pins) -> Dialect | None:
    """The dialect of a text, None if it is blank."""
    lines = _head(text)
    if not lines:
        return None
    comment = _comment(lines)
    bare = [line for line in lines if not (comment and line.text.startswith(comment))]
    body = [line.text for line in (bare or lines)[-_BODY:]]
    if len(bare) > _BODY:
        body = [line.text for line in bare[len(bare) // 3 :]][-_BODY:]
    separator = pins.separator or _separator(body)
    forms = _forms(_first_table([split_line(line.text, separator) for line in bare or lines]))
    first = _first_row(bare, separator, forms)
    header = _header(bare[:first], separator, forms, pins)
    if header is None and comment:
        # "# time,value": the header stands in the last comment above the rows.
        until = bare[first].number if first < len(bare) else lines[-1].number + 1
        stripped = [_Line(line.number, line.text.lstrip(comment + " ")) for line in lines if line.number < until]
        header = _header([line for line in stripped if line.text], separator, forms, pins)
    if header is None and first == len(bare) and pins.header_line is None:
        header = bare[0] if bare else lines[0]
    if header is None:
        number = bare[first].number if first < len(bare) else bare[0].number
        width = max(len(forms), 1)
        names, named = _distinct([DEFAULT_CHANNEL] if width == 1 else [""] * width)
        return Dialect(separator, names, (), 0, number, comment, "the rows begin at once: no header", named)
    return _with_header(bare, header, separator, forms, comment, pins)


def _with_header(
    bare: Sequence[_Line], header: _Line, separator: str, forms: Sequence[str], comment: str, pins: Pins
) -> Dialect:
    cells = [cell.strip() for cell in split_line(header.text, separator)]
    after = [line for line in bare if line.number > header.number]
    units: tuple[str, ...] = ()
    first = 0
    while first < min(len(after), _MOST_UNIT_ROWS) and _is_unit_row(split_line(after[first].text, separator), forms):
        found = tuple(cell.strip() for cell in split_line(after[first].text, separator))
        if not units or sum(map(is_unit, found)) > sum(map(is_unit, units)):
            units = found
        first += 1
    if any(line.number == header.number for line in bare):
        key = _key(header.text, separator, cells)
    else:
        key = b""
    width = len(forms)
    if len(cells) == width - 1 and width > 1 and forms[-1] != "E" and not pins.separator:
        # A table of R or pandas: the column of row numbers has no name.
        cells = ["", *cells] if forms[0] == "N" else cells
    fewest = max([number for number, cell in enumerate(cells, 1) if cell], default=width)
    fewest = max([fewest, *(number for number, form in enumerate(forms, 1) if form != "E")])
    cells += [""] * (width - len(cells))
    names, named = _distinct(cells)
    number = after[first].number if first < len(after) else header.number + 1
    skipped = header.number - 1
    reason = f"line {header.number} names the columns" + (f", {skipped} above it do not" if skipped else "")
    reason += (
        f"; {first} rows of units or types below it" if first > 1 else "; a row of units below it" if first else ""
    )
    return Dialect(separator, names, units, header.number, number, comment, reason, named, fewest, key)


def _head(text: bytes) -> list[_Line]:
    """The first lines that are not blank; of a long text the last one is cut off, for it may be half a line."""
    head = text[:HEAD]
    lines = head.split(b"\n")
    if len(head) < len(text) and len(lines) > 1:
        lines.pop()
    texts = (line.rstrip(b"\r").decode(errors="replace") for line in lines[: 2 * _LINES])
    return [_Line(number, line) for number, line in enumerate(texts, 1) if line.strip(" \r")][:_LINES]


def _comment(lines: Sequence[_Line]) -> str:
    """The character that comments begin with, if there are any."""
    for mark in _COMMENTS:
        marked = [line.text for line in lines if line.text.startswith(mark)]
        # "#,time,value" is a header whose first column is called #.
        if marked and not all(re.match(rf"{mark}[\"']?\s*[,;\t|]", line) for line in marked):
            return mark
    return ""


def _separator(body: Sequence[str]) -> str:
    best, best_score = "", 0.0
    for separator in SEPARATORS:
        rows = [split_line(line, separator) for line in body]
        width, count = Counter(map(len, rows)).most_common(1)[0]
        if width < 2:
            continue
        cells = [cell.strip() for row in rows if len(row) == width for cell in row]
        told = [cell for cell in cells if cell]
        typed = sum(is_typed(cell) for cell in told)
        score = count / len(rows) * ((typed + 0.1) / (len(told) + 0.1) + 0.02 * min(width, 10))
        if score > best_score:
            best, best_score = separator, score
    if best:
        return best
    bare = re.sub(r'"[^"]*"', "", body[0]) if body else ""
    return max(SEPARATORS, key=bare.count)


def _first_table(rows: Sequence[list[str]]) -> Sequence[list[str]]:
    """The rows that the first table is recognised by: those below the first header, or those of the usual width."""
    usual = Counter(len(row) for row in rows[len(rows) // 3 :]).most_common(1)[0][0]
    start = 0
    while start < len(rows):
        width, stop = len(rows[start]), start
        while stop < len(rows) and len(rows[stop]) == width:
            stop += 1
        run = rows[start:stop]
        typed = [row for row in run if any(is_time(cell) or is_bare_number(cell) for cell in row)]
        if width == usual and typed:
            break
        if typed and any(names_a_time(cell) for cell in run[0]) and not _is_row(run[0], _forms(typed)):
            return typed[:_BODY]
        start = stop
    same = [row for row in rows[start:] if len(row) == usual]
    typed = [row for row in same if any(is_time(cell) or is_bare_number(cell) for cell in row)]
    return (typed or same)[:_BODY]


def _forms(rows: Sequence[Sequence[str]]) -> list[str]:
    """What the columns of the body hold: T times, N numbers, S text, E nothing."""
    if not rows:
        return []
    width = Counter(map(len, rows)).most_common(1)[0][0]
    return [form_of([row[column].strip() for row in rows if len(row) == width]) for column in range(width)]


def _first_row(lines: Sequence[_Line], separator: str, forms: Sequence[str]) -> int:
    """Which of the lines is the first row; their number if none is."""
    for place, line in enumerate(lines):
        if _is_row(split_line(line.text, separator), forms):
            return place
    return len(lines)


def _is_row(cells: Sequence[str], forms: Sequence[str]) -> bool:
    width = len(forms)
    cells = [cell.strip() for cell in cells]
    if len(cells) < width or any(cells[width:]):
        return False
    told = found = 0
    for cell, form in zip(cells, forms, strict=False):
        if form == "T" and cell:
            if not is_time(cell):
                return False
            found += 1
        elif form == "N" and cell and not is_absent(cell):
            told += 1
            if is_number(cell):
                found += 1
            elif plain(cell) in TIMES or is_unit(cell):
                return False
    return found > 0 and 2 * sum(is_number(cell) for cell in cells) >= told


def _header(above: Sequence[_Line], separator: str, forms: Sequence[str], pins: Pins) -> _Line | None:
    """The line that names the columns, of those above the first row; None without one."""
    if pins.header_line is not None:
        return next((line for line in above if line.number == pins.header_line), None)
    best, best_score = None, 0.0
    for line in above:
        score = _as_header([cell.strip() for cell in split_line(line.text, separator)], forms)
        # Of two that are alike, the lower one.
        if score > 0 and score >= best_score:
            best, best_score = line, score
    return best


def _as_header(cells: Sequence[str], forms: Sequence[str]) -> float:
    """How well a line names the columns: not at all up to 0."""
    told = [cell for cell in cells if cell]
    used = len([form for form in forms if form != "E"])
    if not told or (len(cells) < min(2, used) and used > 1):
        return 0
    score = 2.0 * (len(cells) == len(forms) or len(told) == used) + (len(set(told)) == len(told))
    score += 4.0 * any(names_a_time(cell) for cell in told)
    score -= 2.0 * sum(is_time(cell) or is_bare_number(cell) for cell in told)
    score -= 3.0 * (len(told) > 1 and 2 * sum(map(is_unit, told)) >= len(told))
    return score + 0.5 - 2.0 * (len(told) < used / 2)


def _is_unit_row(cells: Sequence[str], forms: Sequence[str]) -> bool:
    """Whether a line below the header says units or kinds of values: short words, none of them a number."""
    told = [cell.strip() for cell in cells if cell.strip()]
    if not told or len(cells) < len(forms) or all(map(is_absent, told)):
        return False
    if any((is_number(cell) and is_bare_number(cell)) or is_time(cell) for cell in told):
        return False
    ruled = all(re.fullmatch(r":?-{2,}:?", cell) for cell in told)
    short = all(len(cell) <= 24 for cell in told)
    numeric = [cell.strip() for cell, form in zip(cells, forms, strict=False) if form in "NT" and cell.strip()]
    return ruled or (short and len(numeric) > 0 and any(map(is_unit, told)))


def _key(header: str, separator: str, cells: Sequence[str]) -> bytes:
    """Up to the first separator behind a name, so that it is found again."""
    stop = 0
    for cell in cells:
        at = header.find(separator, stop)
        stop = len(header) if at < 0 else at + 1
        if cell:
            break
    return header[:stop].encode()


def _distinct(columns: Sequence[str]) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    names: list[str] = []
    for number, column in enumerate(columns, start=1):
        name = column or f"column_{number}"
        while name in names:
            name = f"{name}_{number}"
        names.append(name)
    return tuple(names), tuple(bool(column) for column in columns)
