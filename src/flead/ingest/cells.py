"""Columns of cells to columns of numbers, times and labels: in bulk, every cell judged by itself."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.records import LARGEST, NO_LABEL, to_milliseconds

BAD_TIME = np.iinfo(np.int64).min
FIRST_TIME = to_milliseconds("0001-01-01T00:00:00")
LAST_TIME = to_milliseconds("9999-12-31T23:59:59.999")
_ISO = "%Y-%m-%d %H:%M:%S%.f"
_SHOWN = 80


class Numbers(NamedTuple):
    """A column of N cells, read as decimal numbers."""

    values: NDArray[np.float64]  # (N,) NaN where there is none
    given: NDArray[np.bool_]  # (N,) the cell is not empty
    spelt: NDArray[np.bool_]  # (N,) it is a number, nan or inf
    bad: NDArray[np.bool_]  # (N,) it is not empty, and no finite number


def read_numbers(cells: pl.Series) -> Numbers:
    """Decimal numbers, an exponent allowed."""
    cells = _strip(cells)
    numbers = cells.cast(pl.Float64, strict=False)
    values, given = numbers.to_numpy(), cells.is_not_null().to_numpy()
    # No measurement either, and told like what a double cannot hold.
    values = np.where(np.abs(values) > LARGEST, np.inf, values)
    return Numbers(values, given, numbers.is_not_null().to_numpy(), given & ~np.isfinite(values))


def read_times(cells: pl.Series) -> NDArray[np.int64]:
    """Milliseconds since the epoch (what is finer is cut off, or rounded in a number), or ``BAD_TIME``.

    A number is seconds since the epoch, anything else is ISO 8601 (a missing leading zero is forgiven);
    both from the year 1 to 9999.
    """
    cells = _strip(cells)
    seconds = cells.cast(pl.Float64, strict=False)
    times = _from_seconds(seconds.to_numpy())
    if seconds.null_count():
        plain = cells.str.replace("T", " ", literal=True).str.strip_suffix("Z")
        moments = plain.str.to_datetime(_ISO, strict=False, time_unit="ms").to_physical()
        times = np.where(seconds.is_null(), moments.fill_null(BAD_TIME).to_numpy(), times)
        # The rarer forms of ISO 8601, such as those with an offset, and what is none.
        rest = np.flatnonzero(moments.is_null() & seconds.is_null() & cells.is_not_null())
        times[rest] = [_read_time(cell) for cell in cells.gather(rest).to_list()]
    times[(times < FIRST_TIME) | (times > LAST_TIME)] = BAD_TIME
    return times


def read_labels(cells: pl.Series) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """(N,) 0, 1 or, where the cell is empty, ``NO_LABEL``; and which cells (N,) are none of these."""
    numbers = read_numbers(cells)
    labels = np.full(len(cells), NO_LABEL, dtype=np.int8)
    labels[numbers.values == 0] = 0
    labels[numbers.values == 1] = 1
    return labels, numbers.given & (labels == NO_LABEL)


def show(cell: str | None) -> str:
    """A cell as a reason quotes it: escaped, and short."""
    text = repr(cell or "")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...{text[-1]}"


def _strip(cells: pl.Series) -> pl.Series:
    return cells.str.strip_chars().replace("", None)


def _from_seconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    # Comparing before the conversion: what 64 bits cannot hold would become any number.
    within = np.abs(seconds) <= LAST_TIME / 1000
    return np.where(within, np.rint(np.where(within, seconds, 0) * 1000), BAD_TIME).astype(np.int64)


def _read_time(cell: str) -> int:
    try:
        return to_milliseconds(cell)
    except ValueError:
        return BAD_TIME
