"""Numbers as times: since the epoch in any unit, digits of a date, days of a spreadsheet, or only elapsed time."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME, LAST_TIME
from flead.vocabulary import words

UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_EARLIEST = 1e8
"""Seconds: numbers below are of 1970 to 1973, when few sensors were read. They count from some other moment."""
_SECONDS, _MILLIS, _MICROS = 1e11, 1e14, 1e17
"""Below the first a number counts seconds (until 5138), below the second milliseconds, and so on."""
_EXCEL = (30_000, 73_051)
"""Days since 1899-12-30, the dates of spreadsheets: 1982 to 2100."""
_EXCEL_EPOCH = 25_569
_COMPACT = (
    (8, 19_000_101, 21_001_231, "%Y%m%d"),
    (10, 1_900_010_100, 2_100_123_123, "%Y%m%d%H"),
    (12, 190_001_010_000, 210_012_312_359, "%Y%m%d%H%M"),
    (14, 19_000_101_000_000, 21_001_231_235_959, "%Y%m%d%H%M%S"),
    (17, 19_000_101_000_000_000, 21_001_231_235_959_999, "%Y%m%d%H%M%S%3f"),
)
_SHOWN = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "hh", "%M": "mm", "%S": "ss", "%3f": "fff"}
_ELAPSED = {"ms": 1.0, "millis": 1.0, "msec": 1.0, "us": 1e-3, "micros": 1e-3, "min": 6e4, "minutes": 6e4, "h": 3.6e6,
            "hours": 3.6e6}  # fmt: skip


class Numeric(NamedTuple):
    """A column of K numbers, read as times."""

    times: NDArray[np.int64]  # (K,)
    local: NDArray[np.bool_]  # (K,)
    form: str
    reason: str
    dated: bool
    pin: str = ""
    """The ``time_format`` that says the same."""


def read_numeric(numbers: pl.Series, pinned: str | None, name: str) -> Numeric:
    """The times that these numbers are, in the form that fits them or that is pinned: s, ms, us, ns or excel."""
    values = numbers.to_numpy().astype(np.float64)
    finite = values[np.isfinite(values)]
    no = np.zeros(len(values), np.bool_)
    if not len(finite):
        return Numeric(np.full(len(values), BAD_TIME), no, "numbers", "no cell is a number", False)
    if pinned in UNITS:
        return Numeric(_scaled(values, UNITS[pinned]), no, f"{pinned} since 1970", "as time_format says", True, pinned)
    if pinned == "excel" or (pinned is None and _EXCEL[0] <= finite.min() and finite.max() < _EXCEL[1]):
        # A day in a few decimals is no exact second: what is written at seconds' distance is of whole ones.
        grain = 1000 if len(finite) < 2 or np.median(np.abs(np.diff(finite))) * 86_400 >= 1 else 1
        days = _scaled(np.rint((values - _EXCEL_EPOCH) * 86_400_000 / grain), float(grain))
        return Numeric(
            days, ~no, "days of a spreadsheet (Excel)", "the numbers are those of 1982 to 2100", True, "excel"
        )
    compact = _compact(numbers, values, finite)
    if compact is not None:
        return Numeric(compact[0], ~no, compact[1], "the digits are those of a date", True)
    size = np.abs(values)
    if np.median(np.abs(finite)) < _EARLIEST:
        unit = next((_ELAPSED[word] for word in words(name) if word in _ELAPSED), 1000.0)
        return Numeric(_scaled(values, unit), no, "elapsed time", "the numbers are too small for a date", False)
    factor = np.select([size < _SECONDS, size < _MILLIS, size < _MICROS], [1000.0, 1.0, 1e-3], 1e-6)
    times = _scaled(values, factor)
    times[size < _EARLIEST] = BAD_TIME  # a clock that was not set
    middle = float(np.median(np.abs(finite)))
    unit_name = "s" if middle < _SECONDS else "ms" if middle < _MILLIS else "us" if middle < _MICROS else "ns"
    return Numeric(times, no, f"{unit_name} since 1970", "the size of the numbers", True, unit_name)


def plausible_epoch(values: NDArray[np.float64]) -> bool:
    """Whether these are times since the epoch from 2001 to 2100 that do not step back, though nothing says so."""
    values = values[~np.isnan(values)]
    if len(values) < 3 or (np.diff(values) < 0).any() or values[0] == values[-1]:
        return False
    return any(1e9 * scale <= values[0] and values[-1] <= 4.1e9 * scale for scale in (1, 1e3, 1e6, 1e9))


def _scaled(values: NDArray[np.float64], factor: float | NDArray[np.float64]) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = values * factor
        # Comparing before the conversion: what 64 bits cannot hold would become any number.
        within = np.abs(scaled) <= LAST_TIME
        return np.where(within, np.rint(np.where(within, scaled, 0)), BAD_TIME).astype(np.int64)


def _compact(
    numbers: pl.Series, values: NDArray[np.float64], finite: NDArray[np.float64]
) -> tuple[NDArray[np.int64], str] | None:
    """Times written as the digits of a date, as 202503030800."""
    for digits, lowest, highest, form in _COMPACT:
        if lowest <= finite.min() and finite.max() <= highest and np.array_equal(finite, np.rint(finite)):
            if digits == 10 and len(np.unique(finite)) < 3:
                return None  # seconds since the epoch have ten digits, too
            texts = numbers.cast(pl.Int64, strict=False).cast(pl.String)
            times = _digits(texts, form)
            if np.mean(times[np.isfinite(values)] != BAD_TIME) > 0.95:
                shown = form
                for letter, word in _SHOWN.items():
                    shown = shown.replace(letter, word)
                return times, shown
    return None


def _digits(texts: pl.Series, form: str) -> NDArray[np.int64]:
    if form == "%Y%m%d%H":
        texts, form = texts + "00", "%Y%m%d%H%M"
    if form.endswith("%3f"):
        texts, form = texts.str.replace(r"(\d{14})(\d{3})", "$1.$2"), "%Y%m%d%H%M%S%.f"
    moments = texts.str.to_datetime(form, strict=False, time_unit="ms").to_physical()
    return moments.fill_null(BAD_TIME).to_numpy().copy()
