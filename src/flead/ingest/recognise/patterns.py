"""How one cell writes a time, as a pattern that reads others like it."""

import re
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME
from flead.ingest.recognise.zones import WORDS, exists

_DATE = (
    (re.compile(r"(?P<y>\d{4})(?P<s>[-/. ])\d{1,2}(?P=s)\d{1,2}"), "%Y{s}%m{s}%d", False),
    (re.compile(r"\d{1,2}(?P<s>[-/.])\d{1,2}(?P=s)(?P<y>\d{4}|\d{2})(?!\d)"), "", True),
    (
        re.compile(r"\d{1,2}(?P<s>[- ]?)(?P<b>[A-Za-z]{3,9})(?P<t>\.?,?[- ]?)(?P<y>\d{4}|\d{2})"),
        "%d{s}{b}{t}{y}",
        False,
    ),
    (re.compile(r"(?P<b>[A-Za-z]{3,9})(?P<s>\.? )\d{1,2}(?P<t>,? )(?P<y>\d{4})"), "{b}{s}%d{t}{y}", False),
    (re.compile(r"(?P<y>\d{4})\d{4}(?=[T_ -]?\d{0,6})"), "%Y%m%d", False),
)
_WEEKDAY = re.compile(r"(?P<w>[A-Za-z]{3,9}),? +(?=\d|[A-Za-z]{3})")
_CLOCK = re.compile(
    r"(?P<lead>[T _,]+|-|)(?P<h>\d{1,2})(?P<c>[:h.])\d{2}((?P<d>[:.m])\d{2}(?P<f>[.,:]\d+)?)?(s(?=\b))?"
    r"(?P<gap>\s*)(?P<p>[AaPp]\.?[Mm]\.?(?![A-Za-z]))?"
)
_COMPACT_CLOCK = re.compile(r"(?P<lead>[T _-]?)(?P<digits>\d{6}|\d{4})(?P<f>[.,]\d+)?(?!\d|:)")
_ZONE = re.compile(
    r"(?P<gap>\s*)(?:(?P<word>[A-Za-z]{1,5})|(?P<offset>[+-]\d{2}(:?\d{2})?(?![\d:])))?"
    r"(?P<named>\s*[\[(](?P<name>[A-Za-z_/+-]+)[\])])?\s*$"
)


class Pattern(NamedTuple):
    """A way to write times, for ``strptime``."""

    before: str
    """The format; where day, month and year have an order to be found, it has ``{date}``."""
    separator: str
    year: str
    offset: int
    """Minutes east of Greenwich that the cell's zone word stands for."""
    zoned: bool
    zone: str
    """A zone by its name, as ``Europe/Berlin``."""
    comma: bool
    """The fraction of a second is behind a comma or a colon."""

    @property
    def ordered(self) -> bool:
        """Whether the order of day, month and year is to be found out."""
        return "{date}" in self.before

    def format(self, order: str) -> str:
        """The format in this order: ``dmy``, ``mdy`` or ``ymd``."""
        parts = {"d": "%d", "m": "%m", "y": self.year}
        return self.before.replace("{date}", self.separator.join(parts[letter] for letter in order or "dmy"))

    def shown(self, order: str) -> str:
        """The format, as a person reads it."""
        letters = {
            "%Y": "YYYY", "%y": "YY", "%m": "MM", "%d": "DD", "%H": "hh", "%I": "hh", "%M": "mm", "%S": "ss",
            "%.f": ".fff", "%p": "AM/PM", "%#z": "±hh:mm", "%b": "Mon", "%B": "Month", "%a": "Day", "%A": "Day",
        }  # fmt: skip
        text = self.format(order)
        for letter, word in letters.items():
            text = text.replace(letter, word)
        return text

    def read(self, cells: pl.Series, order: str) -> NDArray[np.int64]:
        """Milliseconds since the epoch (N,), ``BAD_TIME`` where a cell is not written so."""
        if self.comma:
            cells = cells.str.replace(r"(\d{2})[,:](\d+)(\D*)$", "$1.$2$3")
        if "%p" in self.before and bool(cells.str.contains("m.", literal=True).any()):
            cells = cells.str.replace(r"(?i)([ap])\.?m\.?", "${1}m")
        fast = self._read_halves(cells, order) if self.before.endswith("%p") else self._read_in_columns(cells, order)
        if fast is not None:
            return fast
        moments = cells.str.to_datetime(self.format(order), strict=False, time_unit="ms")
        if self.zone:
            moments = moments.dt.replace_time_zone(None).dt.replace_time_zone(
                self.zone, ambiguous="earliest", non_existent="null"
            )
        times = moments.to_physical().fill_null(BAD_TIME).to_numpy().copy()
        if self.offset:
            times[times != BAD_TIME] -= 60_000 * self.offset
        return times

    def _read_halves(self, cells: pl.Series, order: str) -> NDArray[np.int64] | None:
        """The same for AM and PM behind the time, by hours from 0 to 23, which polars reads several times as fast."""
        form = self.format(order).removesuffix("%p").rstrip(" ").replace("%I", "%H")
        half = cells.str.tail(2).str.to_uppercase()
        hour = cells.str.extract(r"(\d{1,2})[:.h]\d{2}").cast(pl.Int64)
        whole = (
            cells.str.head(-2).str.strip_chars_end().str.to_datetime(form, strict=False, time_unit="ms").to_physical()
        )
        if "%.f" in form or self.zone or not bool(half.is_in(["AM", "PM"]).all()):
            return None
        read = whole.is_not_null() & hour.is_between(1, 12)
        shift = 12 * (half == "PM").cast(pl.Int64) - 12 * (hour == 12).cast(pl.Int64)
        times = (whole + 3_600_000 * shift).set(~read.fill_null(False), None).fill_null(BAD_TIME)
        found: NDArray[np.int64] = times.to_numpy().copy()
        return found

    def _read_in_columns(self, cells: pl.Series, order: str) -> NDArray[np.int64] | None:
        """The same for fractions of a second in cells of one length, which polars reads five times as fast apart."""
        before, fraction, tail = self.format(order).partition("%.f")
        if not fraction or "%" in tail or self.zone:
            return None
        width = cells.str.len_bytes()
        point = cells[0].find(".") if cells[0] is not None else -1
        if point < 0 or width.null_count() or width.min() != width.max():
            return None
        whole = cells.str.head(point).str.to_datetime(before, strict=False, time_unit="ms").to_physical()
        digits = len(cells[0]) - len(tail) - point - 1
        part = cells.str.slice(point, digits + 1).cast(pl.Float64, strict=False)
        ended = True if not tail else bool((cells.str.tail(len(tail)) == tail).all())
        if digits < 1 or not ended or whole.null_count() or part.null_count():
            return None
        milliseconds = np.floor(part.to_numpy() * 1000 + 1e-6).astype(np.int64)
        times: NDArray[np.int64] = whole.to_numpy() + milliseconds
        if self.offset:
            times -= 60_000 * self.offset
        return times


def pattern_of(cell: str) -> Pattern | None:
    """How this cell writes a date and time; None if it is not one.

    >>> pattern_of("2025-03-03T08:00:00.5Z").format("")
    '%Y-%m-%dT%H:%M:%S%.fZ'
    >>> pattern_of("03/04/25 08:10:00 AM").format("mdy")
    '%m/%d/%y %I:%M:%S %p'
    """
    weekday = _WEEKDAY.match(cell)
    at = weekday.end() if weekday and weekday["w"][:3].lower() in _WEEKDAYS else 0
    lead = _weekday_format(cell[:at], weekday["w"]) if at and weekday else ""
    matches = ((pattern.match(cell, at), form, ordered) for pattern, form, ordered in _DATE)
    found, form, ordered = next((match for match in matches if match[0] is not None), (None, "", False))
    if found is None:
        return None
    groups = found.groupdict()
    year = "%Y" if len(groups["y"]) == 4 else "%y"
    if "b" in groups:
        if groups["b"][:3].lower() not in _MONTHS:
            return None
        month = "%b" if len(groups["b"]) == 3 else "%B"
        form = form.format(b=month, s=groups["s"], t=groups["t"], y=year)
    else:
        form = "{date}" if ordered else form.format(s=groups.get("s", ""))
    clock = _clock_format(cell, found.end())
    if clock is None:
        return None
    text, at, comma = clock
    zone = _ZONE.match(cell, at)
    if zone is None:
        return None
    return _with_zone(lead + form + text, groups.get("s", ""), year, comma, zone)


def _with_zone(form: str, separator: str, year: str, comma: bool, zone: re.Match[str]) -> Pattern | None:
    tail, offset, zoned, name = zone["gap"] if zone["name"] else "", 0, False, ""
    if zone["word"]:
        if zone["word"].lower() not in WORDS:
            return None
        tail, offset, zoned = zone["gap"] + zone["word"], WORDS[zone["word"].lower()], True
    elif zone["offset"]:
        tail, zoned = zone["gap"] + "%#z", True
    if zone["name"]:
        tail += zone["named"]
        if not zoned:
            if zone["name"].lower() in WORDS:
                offset = WORDS[zone["name"].lower()]
            elif exists(zone["name"]):
                name = zone["name"]
            else:
                return None
            zoned = True
    return Pattern(form + tail, separator, year, offset, zoned, name, comma)


def _clock_format(cell: str, at: int) -> tuple[str, int, bool] | None:
    """The format of the time of day from here on, where it ends, and whether it has a fraction behind a comma."""
    clock = _CLOCK.match(cell, at)
    if clock is not None:
        text = clock["lead"] + ("%I" if clock["p"] else "%H") + clock["c"] + "%M"
        if clock["d"]:
            text += clock["d"] + "%S"
        if clock["f"]:
            text += "%.f"
        if clock["p"]:
            return text + clock["gap"] + "%p", clock.end(), bool(clock["f"]) and clock["f"][0] != "."
        return text, clock.end() - len(clock["gap"]), bool(clock["f"]) and clock["f"][0] != "."
    compact = _COMPACT_CLOCK.match(cell, at)
    if compact is not None:
        text = compact["lead"] + ("%H%M%S" if len(compact["digits"]) == 6 else "%H%M")
        return text + ("%.f" if compact["f"] else ""), compact.end(), bool(compact["f"]) and compact["f"][0] == ","
    return "", at, False


def _weekday_format(lead: str, word: str) -> str:
    return lead.replace(word, "%a" if len(word) == 3 else "%A", 1)


_MONTHS = frozenset(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
_WEEKDAYS = frozenset(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
