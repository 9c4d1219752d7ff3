"""CSV files to recordings.

The first line names the columns; comma, semicolon or tab separate them. One column is the time (ISO 8601, UTC
where it has no offset, or seconds since the epoch; without such a column, 1 Hz from the epoch), one may be the
label (0, 1 or empty). Every other column of numbers is a channel: one of whose cells that are not empty at least
half are numbers (``nan`` and ``inf`` spelt out are: they reject their row, not their column).

An empty cell is an absent value. A row is rejected if it has no value at all, or anything unreadable in its time,
its label or a channel. A file without rows counts as one rejected row, so that rows = readings + rejected.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME, Numbers, read_labels, read_numbers, read_times, show
from flead.ingest.delimited import Header, Table, read_header, split
from flead.ingest.errors import SourceError
from flead.ingest.recorded import UNKNOWN_TIME, Recording
from flead.records import NO_LABEL, Rejected

logger = logging.getLogger(__name__)

_TOGETHER = 16 << 20
"""Files are read together until they hold this many bytes."""


@dataclass(frozen=True)
class Layout:
    """Which columns are no channels."""

    time: str = "timestamp"
    label: str = "label"
    ignored: frozenset[str] = frozenset()

    def candidates(self, columns: Iterable[str]) -> list[str]:
        """The columns that may be channels."""
        return [column for column in columns if column not in {self.time, self.label, *self.ignored}]


class DeviceFile(NamedTuple):
    """A file of one device."""

    path: Path
    device: str
    location: str
    """How a rejected row names the file."""


class _Sheet(NamedTuple):
    """A file that has a header."""

    file: DeviceFile
    header: Header


class Reader:
    """Reads files into recordings, and remembers which columns it left out.

    Files with the same columns are split and converted together: most files are small, and a call on a column
    costs more than their few cells.
    """

    def __init__(self, source: str, layout: Layout, channel: str | None) -> None:
        self.source = source
        self.layout = layout
        self.channel = channel
        self.ignored: Counter[str] = Counter()

    def read(self, files: Iterable[DeviceFile]) -> list[Recording]:
        """All recordings. Raises :class:`SourceError` if a file lacks the one channel asked for."""
        recordings: list[Recording] = []
        together: list[_Sheet] = []
        size = 0
        for file in files:
            try:
                header = read_header(file.path.read_bytes())
            except OSError as error:
                recordings.append(self._unusable(file, f"the file cannot be read: {error.strerror}", b""))
                continue
            if header is None:
                recordings.append(self._unusable(file, "the file is empty", b""))
                continue
            if together and (size > _TOGETHER or not _alike(header, together[0].header)):
                recordings += self._read_sheets(together)
                together, size = [], 0
            together.append(_Sheet(file, header))
            size += len(header.rest)
        return recordings + (self._read_sheets(together) if together else [])

    def log_ignored(self) -> None:
        """Say once which columns are no channels."""
        if self.ignored:
            columns = ", ".join(f"{column} (files: {count})" for column, count in sorted(self.ignored.items()))
            logger.info("%s: not numeric, ignored: %s", self.source, columns)

    def _unusable(self, file: DeviceFile, reason: str, raw: bytes) -> Recording:
        return Recording.of_rejected([Rejected(self.source, file.location, reason, raw)])

    def _read_sheets(self, sheets: Sequence[_Sheet]) -> list[Recording]:
        """The recordings of files with the same columns."""
        header = sheets[0].header
        candidates = self._candidates(sheets[0])
        texts = [sheet.header.rest.removesuffix(b"\n") + b"\n" for sheet in sheets]
        table = split(b"".join(texts), 0, header.separator, header.columns)
        first_places = np.searchsorted(table.starts, np.cumsum([0, *map(len, texts)]))
        first_rows = np.searchsorted(table.places, first_places)
        first_lines = np.cumsum([0, *(text.count(b"\n") for text in texts)])
        # Where every row is among those of its own file.
        within = table.places - np.repeat(first_places[:-1], np.diff(first_rows))
        columns = _read_columns(table.cells, within, self.layout, candidates)
        bounds = zip(first_places, first_places[1:], first_rows, first_rows[1:], first_lines, strict=False)
        parts = (_Part(table, within, columns, *map(int, bound)) for bound in bounds)
        return [self._read_part(sheet, part) for sheet, part in zip(sheets, parts, strict=True)]

    def _candidates(self, sheet: _Sheet) -> list[str]:
        candidates = self.layout.candidates(sheet.header.columns)
        if self.channel is None:
            return candidates
        if self.channel not in candidates:
            raise SourceError(
                f"{self.source}: {sheet.file.location} has no column {self.channel!r} for --channel; "
                f"it has {', '.join(candidates) or 'none'}"
            )
        return [self.channel]

    def _read_part(self, sheet: _Sheet, part: "_Part") -> Recording:
        """The recording of one of the files."""
        count = part.last_place - part.first_place
        if not count:
            return self._unusable(sheet.file, "the file has a header and no rows", sheet.header.line)
        channels = tuple(part.columns.numbers) if self.channel else part.channels()
        self.ignored.update(part.columns.numbers.keys() - set(channels))
        bad = part.bad(channels)
        kept = np.arange(part.first_row, part.last_row)[~bad]
        places = part.within[kept]
        times = np.full(count, UNKNOWN_TIME, dtype=np.int64)
        labels = np.full(count, NO_LABEL, dtype=np.int8)
        values = np.full((count, len(channels)), np.nan)
        times[places], labels[places] = part.columns.times[kept], part.columns.labels[kept]
        for column, channel in enumerate(channels):
            values[places, column] = part.columns.numbers[channel].values[kept]
        rejected = {
            place - part.first_place: self._reject(sheet, part, place, reason)
            for place, reason in part.reasons(bad, channels).items()
        }
        return Recording(sheet.file.device, channels, times, values, labels, rejected)

    def _reject(self, sheet: _Sheet, part: "_Part", place: int, reason: str) -> Rejected:
        line = sheet.header.next_line + int(part.table.lines[place]) - part.first_line
        return Rejected(self.source, f"{sheet.file.location}:{line}", reason, part.table.raw(place))


class _Columns(NamedTuple):
    """K rows that have all their cells, read."""

    layout: Layout
    times: NDArray[np.int64]  # (K,)
    labels: NDArray[np.int8]  # (K,)
    bad_labels: NDArray[np.bool_]  # (K,)
    numbers: dict[str, Numbers]  # of the columns that may be channels


def _read_columns(
    cells: pl.DataFrame, within: NDArray[np.int64], layout: Layout, candidates: Sequence[str]
) -> _Columns:
    times = read_times(cells[layout.time]) if layout.time in cells.columns else within * 1000
    if layout.label in cells.columns:
        labels, bad_labels = read_labels(cells[layout.label])
    else:
        labels, bad_labels = np.full(len(cells), NO_LABEL, np.int8), np.zeros(len(cells), np.bool_)
    return _Columns(layout, times, labels, bad_labels, {name: read_numbers(cells[name]) for name in candidates})


class _Part(NamedTuple):
    """One file's share of a table of several."""

    table: Table
    within: NDArray[np.int64]  # (K,)
    columns: _Columns
    first_place: int
    last_place: int
    first_row: int
    last_row: int
    first_line: int

    def channels(self) -> tuple[str, ...]:
        """The columns of which at least half of what they hold are numbers."""
        rows = slice(self.first_row, self.last_row)
        given = {name: int(numbers.given[rows].sum()) for name, numbers in self.columns.numbers.items()}
        spelt = {name: int(numbers.spelt[rows].sum()) for name, numbers in self.columns.numbers.items()}
        return tuple(name for name in given if given[name] and 2 * spelt[name] >= given[name])

    def bad(self, channels: Sequence[str]) -> NDArray[np.bool_]:
        """Which of the file's rows that have all their cells are to be rejected."""
        rows = slice(self.first_row, self.last_row)
        bad: NDArray[np.bool_] = (self.columns.times[rows] == BAD_TIME) | self.columns.bad_labels[rows]
        given = np.zeros(len(bad), np.bool_)
        for channel in channels:
            bad |= self.columns.numbers[channel].bad[rows]
            given |= self.columns.numbers[channel].given[rows]
        bad |= ~given
        return bad

    def reasons(self, bad: NDArray[np.bool_], channels: Sequence[str]) -> dict[int, str]:
        """Place -> reason of all the file's rejected rows."""
        whole = self.table.places[self.first_row : self.last_row]
        broken = np.ones(self.last_place - self.first_place, np.bool_)
        broken[whole - self.first_place] = False
        malformed = (self.first_place + np.flatnonzero(broken)).tolist()
        reasons = {place: self.table.malformed[place] for place in malformed}
        for row in (self.first_row + np.flatnonzero(bad)).tolist():
            reasons[int(self.table.places[row])] = self._reason(row, channels)
        return reasons

    def _reason(self, row: int, channels: Sequence[str]) -> str:
        """What is wrong with a bad row; the first thing if there are several."""
        columns, layout, cells = self.columns, self.columns.layout, self.table.cells
        if columns.times[row] == BAD_TIME:
            shown = show(cells[layout.time][row])
            return f"{layout.time} {shown} is neither ISO 8601 nor seconds since the epoch (years 1 to 9999)"
        if columns.bad_labels[row]:
            return f"{layout.label} {show(cells[layout.label][row])} is neither 0 nor 1"
        for channel in channels:
            if columns.numbers[channel].bad[row]:
                return f"{channel} {show(cells[channel][row])} is not a finite number"
        return "no value in any channel" if channels else "the file has no column of numbers"


def _alike(header: Header, other: Header) -> bool:
    return header.columns == other.columns and header.separator == other.separator
