"""How an Edge-IIoTset file writes its cells: the defects that cost no row, but would mislead a reader of its text."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.edge_report import EXAMPLES, Report

HEX = r"^0[xX][0-9a-fA-F]{1,13}$"
"""At most 52 bits: more would not be exact as a float."""


class Form(IntEnum):
    """How a cell is written."""

    EMPTY = 0
    WHOLE = 1
    DECIMAL = 2
    NOT_FINITE = 3
    HEXADECIMAL = 4
    TEXT = 5


def read_forms(cells: pl.DataFrame) -> NDArray[np.uint8]:
    """(K, C) the form of every cell."""
    whole = cells.select(pl.all().cast(pl.Int64, strict=False).is_not_null()).to_numpy()
    numbers = cells.select(pl.all().cast(pl.Float64, strict=False)).to_numpy()
    forms = np.full(numbers.shape, Form.TEXT, dtype=np.uint8)
    forms[np.isinf(numbers)] = Form.NOT_FINITE
    forms[np.isfinite(numbers)] = Form.DECIMAL
    forms[whole] = Form.WHOLE
    for column in np.flatnonzero((forms == Form.TEXT).any(axis=0)).tolist():
        series = cells.to_series(column)
        form = forms[:, column]
        form[series.is_null().to_numpy()] = Form.EMPTY
        form[series.str.contains(HEX).fill_null(False).to_numpy()] = Form.HEXADECIMAL
        form[series.cast(pl.Float64, strict=False).is_nan().fill_null(False).to_numpy()] = Form.NOT_FINITE
    return forms


class Audit:
    """Counts forms by column and label, and rows that are there twice."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        # In kept rows labelled 0, in kept rows labelled 1, in rejected rows.
        self._counts = np.zeros((len(columns), len(Form), 3), dtype=np.int64)
        self._lines: list[list[list[int]]] = [[[] for _ in Form] for _ in columns]
        self._hashes: list[NDArray[np.uint64]] = []
        self._hashed_lines: list[NDArray[np.int64]] = []

    def take(
        self, cells: pl.DataFrame, forms: NDArray[np.uint8], labels: NDArray[np.int8], lines: NDArray[np.int64]
    ) -> None:
        """K more rows: their cells, the forms of these, their labels (-1: the row is rejected) and line numbers."""
        shape = self._counts.shape[1:]
        for column in range(len(self.columns)):
            form = forms[:, column]
            pairs = form.astype(np.int64) * shape[1] + labels % shape[1]
            counts = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)
            self._counts[column] += counts
            for kind in np.flatnonzero(counts.sum(axis=1)):
                known = self._lines[column][kind]
                if len(known) < EXAMPLES:
                    known += lines[np.flatnonzero(form == kind)[: EXAMPLES - len(known)]].tolist()
        self._hashes.append(cells.hash_rows().to_numpy())
        self._hashed_lines.append(lines)

    def finish(self, report: Report, except_columns: frozenset[str], text_columns: frozenset[str]) -> None:
        """Put what was found into the report; in ``text_columns``, text is none of it."""
        for column, counts, lines in zip(self.columns, self._counts, self._lines, strict=True):
            if column in except_columns:
                continue
            for form in (Form.EMPTY, Form.NOT_FINITE, Form.HEXADECIMAL, Form.TEXT):
                if counts[form].any() and not (form == Form.TEXT and column in text_columns):
                    kind = form.name.lower().replace("_", "-")
                    report.note(kind, column, lines[form], int(counts[form].sum()), rejects=False)
            if counts[Form.WHOLE].any() and counts[Form.DECIMAL].any():
                self._note_mixed(report, column, counts, lines)
        self._note_repeated(report)

    def _note_mixed(self, report: Report, column: str, counts: NDArray[np.int64], lines: Sequence[list[int]]) -> None:
        rarer = min(Form.WHOLE, Form.DECIMAL, key=lambda form: int(counts[form].sum()))
        by_label = counts[[Form.WHOLE, Form.DECIMAL], :2] > 0
        # Every label has its own form: reading the text, one reads the label.
        telling = bool(by_label.any(axis=0).all()) and not by_label.all(axis=0).any() and not by_label.all(axis=1).any()
        kind = "format-tells-label" if telling else "mixed-format"
        defect = report.note(kind, column, lines[rarer], int(counts[rarer].sum()), rejects=False)
        shown = ((form, counts[form, :2].tolist()) for form in (Form.WHOLE, Form.DECIMAL))
        defect.detail = "; ".join(
            f"{'0' if form == Form.WHOLE else '0.0'} style in {zeros:,} rows labelled 0 and {ones:,} labelled 1"
            for form, (zeros, ones) in shown
        )

    def _note_repeated(self, report: Report) -> None:
        hashes = np.concatenate([np.empty(0, np.uint64), *self._hashes])
        repeated = np.ones(len(hashes), dtype=bool)
        repeated[np.unique(hashes, return_index=True)[1]] = False
        if repeated.any():
            lines = np.concatenate(self._hashed_lines)[repeated]
            report.note("repeated-row", None, lines, len(lines), rejects=False)
