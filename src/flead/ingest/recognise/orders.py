"""Whether the day or the month comes first, decided over a whole column."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME
from flead.ingest.recognise.patterns import Pattern

DAY, MONTH, YEAR = "dmy", "mdy", "ymd"
_SHOWN = {DAY: "day first", MONTH: "month first", YEAR: "year first"}
_CLEARLY = 3


def choose_order(cells: pl.Series, pattern: Pattern) -> tuple[str, str, bool]:
    """The order, the reason for it, and whether another one fits as well and leads to other times."""
    fields = [cells.str.extract(r"(?:^|\D)(\d{1,2})[-/.](\d{1,2})[-/.](\d{2,4})", n).cast(pl.Int32) for n in (1, 2, 3)]
    first, second, third = (int(field.fill_null(0).to_numpy().max(initial=0)) for field in fields)
    orders = [DAY, MONTH] + ([YEAR] if pattern.year == "%y" else [])
    fitting = [
        order
        for order in orders
        if {DAY: second, MONTH: first, YEAR: second}[order] <= 12
        and {DAY: first, MONTH: second, YEAR: third}[order] <= 31
    ]
    if not fitting:
        return DAY, "neither day nor month first fits all dates", False
    read = {order: pattern.read(cells, order) for order in fitting}
    longest = {order: _longest_step(times) for order, times in read.items()}
    usual = [order for order in fitting if order != YEAR]
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


def _longest_step(times: NDArray[np.int64]) -> float:
    """The longest step in either direction, in milliseconds."""
    read = times[times != BAD_TIME]
    return float(np.abs(np.diff(read)).max()) if len(read) > 1 else 0.0
