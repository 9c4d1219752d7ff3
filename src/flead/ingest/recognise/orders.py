"""Whether the day or the month comes first, decided over a whole column."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.recognise.patterns import Pattern

DAY, MONTH, YEAR = "dmy", "mdy", "ymd"
_SHOWN = {DAY: "day first", MONTH: "month first", YEAR: "year first"}
_FIELDS = r"(?:^|\D)(\d{1,2})[-/.](\d{1,2})[-/.](\d{2,4})"
_CLEARLY = 3
"""By so much the longest step between two dates must be shorter for an order to be the likelier one."""
_SAMPLE = 2000
_CENTURY = 69
"""Years of two digits below this are of the years 2000 on, as POSIX has it."""


def choose_order(cells: pl.Series, pattern: Pattern) -> tuple[str, str, bool]:
    """The order, the reason for it, and whether another one fits as well and leads to other times."""
    orders = [DAY, MONTH, YEAR] if pattern.year == "%y" else [DAY, MONTH]
    step = max(1, len(cells) // _SAMPLE)
    if step > 1:
        # Of a long column a part may tell already.
        orders = _fitting(_dates(cells.gather_every(step)), orders)
    dates = _dates(cells) if len(orders) > 1 else np.empty((0, 3), np.int64)
    fitting = _fitting(dates, orders)
    if not fitting:
        return DAY, "neither day nor month first fits all dates", False
    longest = {order: _longest_step(dates, order) for order in fitting}
    usual = [order for order in fitting if order != YEAR]
    if YEAR in fitting and (not usual or longest[YEAR] * _CLEARLY < min(longest[order] for order in usual)):
        return YEAR, f"{_SHOWN[YEAR]}: read otherwise, the times jump", False
    if len(usual) == 1:
        return usual[0], f"{_SHOWN[usual[0]]}: a number above 12 tells", False
    if pattern.separator == ".":
        return DAY, "day first: dates with points are written so", False
    if (dates[:, 0] == dates[:, 1]).all():
        return DAY, "day and month are the same number", False
    ranked = sorted(usual, key=lambda order: longest[order])
    if longest[ranked[0]] * _CLEARLY < longest[ranked[1]]:
        return ranked[0], f"{_SHOWN[ranked[0]]}: read otherwise, the times jump", False
    if "%p" in pattern.before:
        return MONTH, "month first, as usual with AM and PM; no date tells", False
    return DAY, "both day first and month first fit", True


def _dates(cells: pl.Series) -> NDArray[np.int64]:
    """(D, 3) the three numbers of the dates, each once while it lasts."""
    fields = cells.str.extract_groups(_FIELDS).struct.unnest().cast(pl.Int64, strict=False).drop_nulls().to_numpy()
    if not len(fields):
        return np.empty((0, 3), np.int64)
    new = np.ones(len(fields), np.bool_)
    new[1:] = (np.diff(fields, axis=0) != 0).any(axis=1)
    dates: NDArray[np.int64] = fields[new]
    return dates


def _fitting(dates: NDArray[np.int64], orders: list[str]) -> list[str]:
    """The orders in which all these are dates."""
    return [
        order
        for order in orders
        if (dates[:, order.index("m")] <= 12).all() and (dates[:, order.index("d")] <= 31).all()
    ]


def _longest_step(dates: NDArray[np.int64], order: str) -> float:
    """The longest step between two dates that follow each other, in days, either way; one at least."""
    year, month, day = (dates[:, order.index(letter)] for letter in "ymd")
    year = np.where(year < _CENTURY, year + 2000, np.where(year < 100, year + 1900, year))
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return float(np.abs(np.diff(months + day)).max(initial=1))
