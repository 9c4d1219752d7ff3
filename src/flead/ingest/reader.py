"""Files of readings to recordings, in whatever form they are, with an account of what they were understood as.

Sheets of the same form are split and converted together: most files are small, and a call on a column costs more than
their few cells. What the columns are is decided over all of them.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.assemble import assemble
from flead.ingest.assembly import Part
from flead.ingest.delimited import Table
from flead.ingest.describe import describe
from flead.ingest.errors import SourceError
from flead.ingest.recognise.columns import Columns, read_columns
from flead.ingest.recognise.containers import ContainerError
from flead.ingest.recognise.numbers import COMMA, POINT
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.sections import Known
from flead.ingest.recognise.understanding import MOST_EXAMPLES, Account, FileReport, tally
from flead.ingest.recorded import Recording
from flead.ingest.sheets import DeviceFile, FrameTable, Sheet, sheets_of, table_of
from flead.records import Rejected

_TOGETHER = 16 << 20
"""Sheets are read together until they hold this many bytes."""


class Reader:
    """Reads files into recordings and keeps account of it."""

    def __init__(self, source: str, pins: Pins, most: int | None = None) -> None:
        """``most``: how many bytes of a file to read, unless it is compressed; by default all of it."""
        self.source = source
        self.pins = pins
        self._most = most
        self.account = Account(source)
        self._reports: dict[str, FileReport] = {}

    def read(self, files: Iterable[DeviceFile]) -> list[Recording]:
        """All recordings. SourceError if a file lacks a column that a setting names."""
        recordings: list[Recording] = []
        known = Known()
        together: list[Sheet] = []
        size = 0
        for file in files:
            try:
                sheets = list(sheets_of(file, self.pins, known, self._most))
            except (OSError, ContainerError) as error:
                why = f"the file cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
                recordings.append(self._unusable(file, why, b""))
                continue
            if not sheets:
                recordings.append(self._unusable(file, "the file is empty", b""))
            for sheet in sheets:
                if together and (size > _TOGETHER or not sheet.alike(together[0])):
                    recordings += self._read_sheets(together)
                    together, size = [], 0
                together.append(sheet)
                size += len(sheet.text)
        if together:
            recordings += self._read_sheets(together)
        self.account.files = list(self._reports.values())
        return recordings

    def _report(self, file: DeviceFile) -> FileReport:
        return self._reports.setdefault(file.location, FileReport(file.location))

    def _unusable(self, file: DeviceFile, reason: str, raw: bytes) -> Recording:
        report = self._report(file)
        report.rows += 1
        tally(report.rejected, reason, "", 1, [])
        return Recording.of_rejected([Rejected(self.source, file.location, reason, raw)], file.location)

    def _read_sheets(self, sheets: list[Sheet]) -> list[Recording]:
        """The recordings of sheets that are alike."""
        table = table_of(sheets)
        bounds = _bounds(sheets, table)
        files = np.repeat(np.arange(len(sheets)), bounds.last_rows - bounds.first_rows)
        within = table.places - np.repeat(bounds.first_places, bounds.last_rows - bounds.first_rows)
        dialect = sheets[0].dialect
        self._check_channel(sheets[0], table)
        leaning = COMMA if dialect.separator in (";", "\t") else POINT
        columns = read_columns(table.cells, dialect.named, dialect.units, files, self.pins, leaning)
        recordings: list[Recording] = []
        for number, sheet in enumerate(sheets):
            report = self._report(sheet.file)
            report.headers += sheet.above + sheet.comments()
            first_place, last_place = int(bounds.first_places[number]), int(bounds.last_places[number])
            if first_place == last_place:
                if sheet.section == 0:
                    recordings.append(self._unusable(sheet.file, "the file has a header and no rows", sheet.header))
                continue
            first, last = int(bounds.first_rows[number]), int(bounds.last_rows[number])
            part = Part(_name(sheet), sheet.file.device, first, last, within[first:last], last_place - first_place)
            malformed = {
                place - first_place: reason for place, reason in bounds.malformed(table, first_place, last_place)
            }
            recordings += self._assemble(sheet, part, columns, table, malformed, first_place, int(bounds.lines[number]))
        self.account.understandings.append(describe(sheets, columns, table.cells, recordings, self.pins))
        _merge_last(self.account)
        return recordings

    def _assemble(
        self,
        sheet: Sheet,
        part: Part,
        columns: Columns,
        table: Table | FrameTable,
        malformed: dict[int, str],
        first_place: int,
        first_line: int,
    ) -> list[Recording]:
        report = self._report(sheet.file)

        def reject(place: int, reason: str) -> Rejected:
            line = sheet.first_line + int(table.lines[first_place + place]) - first_line
            raw = sheet.original(table.raw(first_place + place), line)
            for count in report.rejected:
                if count.reason == reason and len(count.examples) < MOST_EXAMPLES:
                    count.see(0, [f"line {line}: {raw[:60].decode(errors='replace')}"])
            return Rejected(self.source, f"{sheet.file.location}:{line}", reason, raw)

        return assemble(part, columns, table.cells, self.pins, malformed, reject, report)

    def _check_channel(self, sheet: Sheet, table: Table | FrameTable) -> None:
        wanted = self.pins.channel
        if wanted is None or wanted in table.cells.columns:
            return
        for name in table.cells.columns:
            if table.cells[name].dtype == pl.String and bool((table.cells[name].str.strip_chars() == wanted).any()):
                return  # a channel of a long table
        others = [
            name for name in table.cells.columns if name not in ("timestamp", self.pins.label, *self.pins.ignored)
        ]
        raise SourceError(
            f"{self.source}: {sheet.file.location} has no column {wanted!r} for --channel; "
            f"it has {', '.join(others) or 'none'}"
        )


class _Bounds:
    """Which of a table's rows are whose of S sheets."""

    def __init__(
        self, places: NDArray[np.int64], rows: NDArray[np.int64], lines: NDArray[np.int64], malformed: Sequence[int]
    ) -> None:
        self.first_places, self.last_places = places[:-1], places[1:]
        self.first_rows, self.last_rows = rows[:-1], rows[1:]
        self.lines = lines
        self._malformed = np.sort(np.fromiter(malformed, np.int64, len(malformed)))

    def malformed(self, table: Table | FrameTable, first: int, last: int) -> list[tuple[int, str]]:
        """The places from ``first`` to ``last`` that are malformed, and why."""
        at = slice(*np.searchsorted(self._malformed, (first, last)).tolist())
        reasons = table.malformed if at.start < at.stop else {}
        return [(place, reasons[place]) for place in self._malformed[at].tolist()]


def _bounds(sheets: Sequence[Sheet], table: Table | FrameTable) -> _Bounds:
    if isinstance(table, FrameTable):
        return _Bounds(
            np.array([0, len(table.lines)]),
            np.array([0, len(table.places)]),
            np.zeros(1, np.int64),
            list(table.malformed),
        )
    texts = [sheet.text.removesuffix(b"\n") + b"\n" for sheet in sheets]
    places = np.searchsorted(table.starts, np.cumsum([0, *map(len, texts)]))
    lines = np.cumsum([0, *(text.count(b"\n") for text in texts)])
    return _Bounds(places, np.searchsorted(table.places, places), lines, list(table.malformed))


def _name(sheet: Sheet) -> str:
    return f"{sheet.file.location}#{sheet.section}" if sheet.section else sheet.file.location


def _merge_last(account: Account) -> None:
    """An understanding like the one before it is of more files of the same form."""
    if len(account.understandings) < 2:
        return
    one, other = account.understandings[-2:]
    if (one.shape, one.guesses, one.warnings, one.left_out) != (
        other.shape,
        other.guesses,
        other.warnings,
        other.left_out,
    ):
        return
    one.files += [file for file in other.files if file not in one.files]
    known = {channel.name: channel for channel in one.channels}
    for channel in other.channels:
        mine = known.setdefault(channel.name, channel)
        if mine is channel:
            one.channels.append(channel)
            continue
        mine.values += channel.values
        mine.lowest = min((low for low in (mine.lowest, channel.lowest) if low is not None), default=None)
        mine.highest = max((high for high in (mine.highest, channel.highest) if high is not None), default=None)
    one.first, one.last = min(one.first, other.first), max(one.last, other.last)
    account.understandings.pop()
