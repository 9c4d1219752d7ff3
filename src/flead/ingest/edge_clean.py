"""Cleaning Edge-IIoTset (M. A. Ferrag et al., IEEE Access 2022), whose published file has defects of its own.

:mod:`flead.ingest.edge_rows` says which rows are rejected. What is kept is ordered by time.

The file writes some numbers as ``0`` here and ``0.0`` there. In five columns the form alone tells the label, so a
number leaves here as a number, never as its text.
"""

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.ingest.delimited import Table, read_blocks, read_header, split
from flead.ingest.edge_audit import Audit
from flead.ingest.edge_report import Report
from flead.ingest.edge_rows import LABEL, NO_CHANNELS, TEXT_COLUMNS, TIME, TYPE, Rows, Verdict, judge
from flead.ingest.errors import SourceError
from flead.records import NO_LABEL, Rejected

_BLOCK = 32 << 20
_ASSUMPTIONS = (
    "frame.time has a year and a time of day only: its date is taken as January 1st, which mixes the days of a capture",
    "readings are ordered by time, equal times in the order of the file",
    "0 and 0.0, and hexadecimal numbers, are read as the numbers that they are",
)


class Clean(NamedTuple):
    """The N readings of a file in order of time, ties in the order of the file."""

    times: NDArray[np.int64]  # (N,) microseconds since the epoch
    values: NDArray[np.float64]  # (N,)
    labels: NDArray[np.int8]  # (N,) 0 or 1


def clean(
    path: Path,
    channel: str,
    reject: Callable[[Rejected], None],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Clean, Report]:
    """Read the raw file in blocks of lines; memory: some 20 times a block of 32 MB, and 33 bytes a row.

    ``reject`` gets every rejected row in the order of the file, ``progress`` the bytes done and the bytes in all.
    Raises :class:`SourceError` if a column is missing or no row is left.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        blocks = read_blocks(file, _BLOCK)
        header = read_header(next(blocks, b""))
        if header is None:
            raise SourceError(f"{path} is empty; give the raw file of Edge-IIoTset")
        _check_columns(path, header.columns, channel)
        cleaner = _Cleaner(path, header.columns, channel, reject)
        line = header.next_line
        for text in chain([header.rest], blocks):
            cleaner.take(split(text, line, header.separator, header.columns))
            line += text.count(b"\n")
            if progress is not None:
                progress(file.tell(), size)
    return cleaner.finish()


def _check_columns(path: Path, columns: list[str], channel: str) -> None:
    missing = [column for column in (TIME, LABEL) if column not in columns]
    if missing:
        raise SourceError(f"{path} has no column {' or '.join(missing)}; give the raw file of Edge-IIoTset")
    candidates = [column for column in columns if column not in NO_CHANNELS]
    if channel not in candidates:
        raise SourceError(f"{path} has no channel {channel!r}; --channel takes one of {', '.join(candidates)}")


class _Cleaner:
    """Takes the tables of a file one after the other."""

    def __init__(self, path: Path, columns: list[str], channel: str, reject: Callable[[Rejected], None]) -> None:
        self._path = path
        self._source = f"edge-iiotset:{path}"
        self._columns = columns
        self._channel = channel
        self._reject = reject
        self._report = Report(self._source, channel, assumptions=list(_ASSUMPTIONS))
        self._audit = Audit(columns)
        self._times = [np.empty(0, np.int64)]
        self._values = [np.empty(0, np.float64)]
        self._labels = [np.empty(0, np.int8)]
        self._lines = [np.empty(0, np.int64)]

    def take(self, table: Table) -> None:
        """Judge the rows of a table, keep the good ones and give away the others."""
        rows = judge(table.cells, self._channel)
        lines = table.lines[table.places]
        good = rows.verdicts == Verdict.GOOD
        self._times.append(rows.times[good])
        self._values.append(rows.values[good])
        self._labels.append(rows.labels[good])
        self._lines.append(lines[good])
        self._count(table, rows, good)
        self._audit.take(rows.cells, rows.forms, np.where(good, rows.labels, NO_LABEL), lines)
        self._note_contradictions(rows, lines)
        reasons = dict(table.malformed)
        for row in np.flatnonzero(~good).tolist():
            column = self._columns[rows.culprits[row]]
            reasons[int(table.places[row])] = Verdict(rows.verdicts[row]).reason(column, rows.cells[column][row])
        for place, reason in sorted(reasons.items()):
            location = f"{self._path.name}:{table.lines[place]}"
            self._reject(Rejected(self._source, location, reason, table.raw(place)))

    def finish(self) -> tuple[Clean, Report]:
        """The readings in order of time, and the report."""
        report = self._report
        times = np.concatenate(self._times)
        if not len(times):
            worst = max(report.defects, key=lambda defect: defect.count, default=None)
            found = f"most of them: {worst.kind} in {worst.column or 'the line'}" if worst else "it has none"
            raise SourceError(f"{self._path}: none of {report.rows:,} rows is a reading of {self._channel} ({found})")
        back = np.flatnonzero(np.diff(times) < 0) + 1
        if len(back):
            report.note("not-in-time-order", TIME, np.concatenate(self._lines)[back], len(back), rejects=False)
        self._audit.finish(report, NO_CHANNELS, TEXT_COLUMNS)
        order = np.argsort(times, kind="stable")
        kept = Clean(times[order], np.concatenate(self._values)[order], np.concatenate(self._labels)[order])
        report.first_time, report.last_time = int(kept.times[0]) // 1000, int(kept.times[-1]) // 1000
        return kept, report

    def _count(self, table: Table, rows: Rows, good: NDArray[np.bool_]) -> None:
        report, lines = self._report, table.lines[table.places]
        report.rows += len(table.lines)
        report.readings += int(good.sum())
        report.rejected += len(table.lines) - int(good.sum())
        for label in (0, 1):
            report.labels[str(label)] += int((rows.labels[good] == label).sum())
            report.rejected_labels[str(label)] += int((rows.labels[~good] == label).sum())
        report.rejected_labels["unreadable"] += len(table.malformed) + int((rows.labels[~good] == NO_LABEL).sum())
        blamed = rows.culprits * len(Verdict) + rows.verdicts
        for pair in np.unique(blamed[~good]).tolist():
            column, verdict = divmod(pair, len(Verdict))
            found = lines[blamed == pair]
            report.note(Verdict(verdict).kind, self._columns[column], found, len(found), rejects=True)
        if table.malformed:
            found = table.lines[sorted(table.malformed)]
            report.note("malformed-line", None, found, len(found), rejects=True)

    def _note_contradictions(self, rows: Rows, lines: NDArray[np.int64]) -> None:
        """Rows whose type of attack says otherwise than their label."""
        if TYPE not in self._columns:
            return
        attack = (rows.cells[TYPE] != "Normal").fill_null(True).to_numpy()
        found = lines[(rows.labels != NO_LABEL) & (attack != (rows.labels == 1))]
        if len(found):
            self._report.note("label-contradicts-type", TYPE, found, len(found), rejects=False)
