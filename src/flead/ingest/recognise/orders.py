"""Whether the day or the month comes first, decided over a whole column."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME
from flead.ingest.recognise.patterns import Pattern

DAY, MONTH, YEAR = "dmy", "mdy", "ymd"
_SHOWN = {DAY: "day first", MONTH: "month first", YEAR: "year first"}
_CLEARLY = 3
_SAMPLE = 2000


def choose_order(cells: pl.Series, pattern: Pattern) -> tuple[str, str, bool]:
    """The order, the reason for it, and whether another one fits as well and leads to other times."""
    fitting = _fitting(cells, pattern.year == "%y")
    if not fitting:
        return DAY, "neither day nor month first fits all dates", False
    usual = [order for order in fitting if order != YEAR]
    if fitting == usual and len(usual) == 1:
        return usual[0], f"{_SHOWN[usual[0]]}: a number above 12 tells", False
    if fitting == usual and pattern.separator == ".":
        return DAY, "day first: dates with points are written so", False
    read = {order: pattern.read(cells, order) for order in fitting}
    longest = {order: _longest_step(times) for order, times in read.items()}
    if YEAR in fitting and (not usual or longest[YEAR] * _CLEARLY < min(longest[order] for order in usual)):
        return YEAR, f"{_SHOWN[YEAR]}: read otherwise, the times jump", False
    if len(usual) == 1:
        return usual[0], f"{_SHOWN[usual[0]]}: a number above 12 tells", False
    if pattern.separator == ".":
        return DAY, "day first: dates with points are written so", False
    if np.array_equal(read[DAY], read[MONTH]):
        return DAY, "day and month are the same number", False
    ranked = sorted(usual, key=lambda order: longest[order])
    if longest[ranked[0]] * _CLEARLY < longest[ranked[1]]:
        return ranked[0], f"{_SHOWN[ranked[0]]}: read otherwise, the times jump", False
    if "%p" in pattern.before:
        return MONTH, "month first, as usual with AM and PM; no date tells", False
    return DAY, "both day first and month first fit", True


def _fitting(cells: pl.Series, short: bool) -> list[str]:
    """The orders that fit the numbers of all dates; of a long column a part may tell already."""
    orders = [DAY, MONTH, YEAR] if short else [DAY, MONTH]
    step = max(1, len(cells) // _SAMPLE)
    for part in (cells.gather_every(step), cells) if step > 1 else (cells,):
        fields = part.str.extract_groups(r"(?:^|\D)(\d{1,2})[-/.](\d{1,2})[-/.](\d{2,4})").struct.unnest()
        numbers = fields.cast(pl.Int32, strict=False).max().fill_null(0).row(0)
        day = {DAY: numbers[0], MONTH: numbers[1], YEAR: numbers[2]}
        month = {DAY: numbers[1], MONTH: numbers[0], YEAR: numbers[1]}
        orders = [order for order in orders if month[order] <= 12 and day[order] <= 31]
        if len(orders) < 2:
            break
    return orders


def _longest_step(times: NDArray[np.int64]) -> float:
    """The longest step in either direction, in milliseconds."""
    read = times[times != BAD_TIME]
    return float(np.abs(np.diff(read)).max()) if len(read) > 1 else 0.0
