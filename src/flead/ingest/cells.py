"""Columns of cells to columns of plain numbers and labels: in bulk, every cell judged by itself."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.records import LARGEST, NO_LABEL, to_milliseconds

BAD_TIME = np.iinfo(np.int64).min
FIRST_TIME = to_milliseconds("0001-01-01T00:00:00")
LAST_TIME = to_milliseconds("9999-12-31T23:59:59.999")
_SHOWN = 80


class Numbers(NamedTuple):
    """A column of N cells, read as decimal numbers."""

    values: NDArray[np.float64]  # (N,) NaN where there is no number
    given: NDArray[np.bool_]  # (N,) the cell is not empty
    spelt: NDArray[np.bool_]  # (N,) it is a number, nan or inf
    bad: NDArray[np.bool_]  # (N,) it is not empty, and no finite number


def read_numbers(cells: pl.Series) -> Numbers:
    """Decimal numbers, an exponent allowed."""
    cells = strip(cells)
    numbers = cells.cast(pl.Float64, strict=False)
    values, given = numbers.to_numpy(), cells.is_not_null().to_numpy()
    # No measurement either, and told like what a double cannot hold.
    values = np.where(np.abs(values) > LARGEST, np.inf, values)
    return Numbers(values, given, numbers.is_not_null().to_numpy(), given & ~np.isfinite(values))


def read_labels(cells: pl.Series) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """(N,) 0, 1 or, where the cell is empty, ``NO_LABEL``; and which cells (N,) are anything else."""
    numbers = read_numbers(cells)
    labels = np.full(len(cells), NO_LABEL, dtype=np.int8)
    labels[numbers.values == 0] = 0
    labels[numbers.values == 1] = 1
    return labels, numbers.given & (labels == NO_LABEL)


def show(cell: str | None) -> str:
    """A cell as a reason quotes it: escaped, and short."""
    text = repr(cell or "")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...{text[-1]}"


def strip(cells: pl.Series) -> pl.Series:
    """Cells without the space around them, null where nothing is left."""
    return cells.str.strip_chars().replace("", None)
