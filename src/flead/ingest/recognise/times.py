"""A column of cells to times: its forms are found by its cells, over the whole column.

A form is found by the first cell that none of the forms before has read, and tried on all that are left, until
nothing is left or nothing new is learnt. Whether the day or the month comes first is decided by all cells together;
where both fit and lead to different times, the user is asked.
"""

import re
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME, FIRST_TIME, LAST_TIME, strip
from flead.ingest.recognise.epochs import read_numeric
from flead.ingest.recognise.orders import DAY, MONTH, YEAR, choose_order
from flead.ingest.recognise.patterns import Pattern, pattern_of
from flead.ingest.recognise.pins import Pins
from flead.records import to_milliseconds

_MOST_PATTERNS = 24
_MOST_ODD = 20_000
_CLOCK_FIRST = r"^(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[AaPp][Mm])?),?\s+(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})$"
ORDERS = {"day-first": DAY, "month-first": MONTH, "year-first": YEAR}


class Times(NamedTuple):
    """A column of K cells, read as times."""

    times: NDArray[np.int64]  # (K,) milliseconds since the epoch, or BAD_TIME
    local: NDArray[np.bool_]  # (K,) the cell says no zone: it is read as if it were UTC
    form: str
    reason: str
    dated: bool
    """False: numbers that only count from some moment on."""
    undecided: bool = False
    """Day-first and month-first both fit."""
    pin: str = ""
    """The ``time_format`` that says the same."""

    @property
    def share(self) -> float:
        """The share of cells that are times."""
        return float(np.mean(self.times != BAD_TIME)) if len(self.times) else 0.0


def read_times(cells: pl.Series, pins: Pins, name: str = "") -> Times:
    """The times in a column: of text, or of a type of its own."""
    if cells.dtype.is_temporal():
        return _typed(cells)
    if cells.dtype.is_numeric():
        return _numeric(cells.cast(pl.Float64), pins, name)
    cells = _usual(strip(cells.cast(pl.String)))
    if pins.time_format and "%" in pins.time_format:
        return _by_format(cells, pins.time_format)
    numbers = cells.cast(pl.Float64, strict=False)
    texts = cells.is_not_null() & numbers.is_null()
    if not texts.any():
        return _numeric(numbers, pins, name)
    found = _texts(cells, texts.to_numpy(), pins)
    if numbers.is_not_null().any():
        mixed = read_numeric(numbers, pins.time_format, name)
        times = np.where(texts.to_numpy(), found.times, mixed.times)
        share = float(numbers.is_not_null().to_numpy().mean())
        form = f"{found.form}, {mixed.form}" if share > 0.01 else found.form
        return found._replace(times=times, form=form)
    return found


def _usual(cells: pl.Series) -> pl.Series:
    """Numbers with a decimal point, and dates before times of day."""
    sample = cells.drop_nulls().head(50)
    if len(sample) and bool(sample.str.contains(r"^\d{4,},\d+$").all()):
        return cells.str.replace(",", ".", literal=True)
    if len(sample) and bool(sample.str.contains(_CLOCK_FIRST).all()):
        return cells.str.replace(_CLOCK_FIRST, "$2 $1")
    return cells


def _typed(cells: pl.Series) -> Times:
    if cells.dtype == pl.Time:
        return Times(np.full(len(cells), BAD_TIME), np.zeros(len(cells), np.bool_), "times of day", "", False)
    zone = getattr(cells.dtype, "time_zone", None)
    moments = cells.cast(pl.Datetime("ms", zone)).to_physical().fill_null(BAD_TIME).to_numpy()
    local = np.full(len(cells), zone is None)
    return Times(moments, local, "times of the file's own type", "the column has a type", True)


def _numeric(numbers: pl.Series, pins: Pins, name: str) -> Times:
    found = read_numeric(numbers, pins.time_format, name)
    return Times(found.times, found.local, found.form, found.reason, found.dated, False, found.pin)


def _by_format(cells: pl.Series, form: str) -> Times:
    moments = cells.str.to_datetime(form, strict=False, time_unit="ms").to_physical()
    times = moments.fill_null(BAD_TIME).to_numpy().copy()
    local = np.full(len(cells), "%z" not in form and "%:z" not in form and "%#z" not in form)
    return Times(_bounded(times), local, form, "as time_format says", True)


def _texts(cells: pl.Series, wanted: NDArray[np.bool_], pins: Pins) -> Times:
    times = np.full(len(cells), BAD_TIME, np.int64)
    local = np.zeros(len(cells), np.bool_)
    order = ORDERS.get(pins.time_format or "", "")
    reasons, forms = [], []
    undecided = False
    left = np.flatnonzero(wanted)
    skipped = 0
    tried: set[Pattern] = set()
    while skipped < len(left) and len(tried) < _MOST_PATTERNS:
        rest = cells if len(left) == len(cells) else cells.gather(left)
        pattern = pattern_of(rest[skipped])
        if pattern is None or pattern in tried:
            skipped += 1
            if skipped > 200:
                break
            continue
        tried.add(pattern)
        if pattern.ordered and not order:
            order, reason, undecided = choose_order(rest, pattern)
            reasons.append(reason)
        found = pattern.read(rest, order)
        read = found != BAD_TIME
        if not read.any():
            skipped += 1
            continue
        times[left[read]] = found[read]
        local[left[read]] = not pattern.zoned
        forms.append(pattern.shown(order))
        left = left[~read]
        skipped = 0
    _read_odd(cells, left, times, local)
    pin = next((name for name, letters in ORDERS.items() if letters == order), "")
    return Times(_bounded(times), local, " or ".join(forms[:3]), "; ".join(reasons), True, undecided, pin)


def _read_odd(cells: pl.Series, left: NDArray[np.int64], times: NDArray[np.int64], local: NDArray[np.bool_]) -> None:
    """The rarer forms of ISO 8601, such as weeks, one by one."""
    for place, cell in zip(left[:_MOST_ODD].tolist(), cells.gather(left[:_MOST_ODD]).to_list(), strict=True):
        if len(cell) < 7:
            continue
        try:
            times[place] = to_milliseconds(cell)
        except ValueError:
            continue
        local[place] = not re.search(r"(Z|[+-]\d{2}:?\d{2})$", cell)


def _bounded(times: NDArray[np.int64]) -> NDArray[np.int64]:
    times[(times < FIRST_TIME) | (times > LAST_TIME)] = BAD_TIME
    return times
