"""How a line is split, and what its cells look like, before a column is known as a whole."""

import csv
import re
from collections.abc import Sequence

from flead.vocabulary import OTHER_MEANINGS, TIME_WORDS, TIMES, is_absent, plain, words

_NUMBER = re.compile(
    r"[+\-−]?(\d[\d.,'\u2019\s\u00a0\u202f]*|[.,]\d+)([eE][+-]?\d+)?\s*([^\d\s\";|,:]{1,4}[\w³²/%.]{0,6})?$"
)
_BARE_NUMBER = re.compile(r"[+\-−]?(\d[\d.,]*|[.,]\d+)([eE][+-]?\d+)?$")
_REST = r"([T _,][^;|\t,]*(,\d{1,9}(?!\d))?[^\d;|\t,]{0,20})?$"
_TIME = re.compile(
    rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}{_REST}|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}{_REST}"
    r"|\d{8}T\d{4,6}[^;|\t,]*$|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?$"
    r"|\d{1,2}[- ]?[A-Za-zäû]{3,9}\.?[- ,]+\d{2,4}([T ,][^;|\t]*)?$|[A-Za-z]{3,9}\.? \d{1,2},? \d{2,4}[^;|\t]*$"
    r"|[A-Za-z]{3},? \d{1,2} [A-Za-z]{3} \d{4}[^;|\t]*$"
)


def split_line(line: str, separator: str) -> list[str]:
    """The cells of a line, quotes resolved; where they cannot be, as they stand."""
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader((line,), delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return line.split(separator)


def is_time(cell: str) -> bool:
    """Whether a cell is written like a time or a date."""
    return bool(_TIME.match(cell.strip().rstrip("Z")))


def is_number(cell: str) -> bool:
    """Whether a cell is written like a number, a unit allowed."""
    return bool(_NUMBER.match(cell.strip()))


def is_bare_number(cell: str) -> bool:
    """Whether a cell is a number and nothing beside it."""
    return bool(_BARE_NUMBER.match(cell.strip()))


def names_a_time(name: str) -> bool:
    """Whether a column is called like a time."""
    return (plain(name) in TIMES and plain(name) not in OTHER_MEANINGS) or bool(words(name) & TIME_WORDS)


def is_typed(cell: str) -> bool:
    """Whether a cell is a number, a time, or a word for no value."""
    return is_bare_number(cell) or is_time(cell) or is_absent(cell) or is_number(cell)


def form_of(cells: Sequence[str]) -> str:
    """What cells of a column hold: T times, N numbers, S text, A words for no value, E nothing."""
    given = [cell for cell in cells if cell and not is_absent(cell)]
    if not given:
        return "E" if not any(cells) else "A"
    times, numbers = sum(map(is_time, given)), sum(map(is_number, given))
    if times * 2 > len(given):
        return "T"
    return "N" if numbers * 2 >= len(given) else "S"
