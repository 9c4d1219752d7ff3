"""Files to sheets: tables of one form each, as lines of text or as columns that have a type already."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.delimited import Table, split
from flead.ingest.recognise import documents
from flead.ingest.recognise.containers import Text, is_packed, to_text, unpack
from flead.ingest.recognise.device_names import device_of
from flead.ingest.recognise.dialect import Dialect
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.sections import Known, sections


class DeviceFile(NamedTuple):
    """A file of readings."""

    path: Path
    device: str
    """Whose it is, where its rows do not say."""
    location: str
    """How a rejected row names the file."""


class Sheet(NamedTuple):
    """Rows of one form, of one file."""

    file: DeviceFile
    dialect: Dialect
    packing: str
    encoding: str
    text: bytes
    """The rows as lines; of a frame nothing."""
    frame: pl.DataFrame | None
    first_line: int
    header: bytes
    above: int
    """How many lines above the rows are no rows."""
    section: int
    """0 for the first table of a file."""
    malformed: dict[int, tuple[str, bytes]]
    """Of a document: entries that are not rows, by place, with the reason and the bytes."""
    whole: bytes | None = None
    """The text of the file as it was, where that is not what was split."""

    def alike(self, other: "Sheet") -> bool:
        """Whether both are split and read in the same way."""
        mine, its = self.dialect, other.dialect
        return (
            self.frame is None
            and other.frame is None
            and (mine.columns, mine.separator, mine.comment, mine.units)
            == (its.columns, its.separator, its.comment, its.units)
            and (self.encoding, self.packing) == (other.encoding, other.packing)
            and _style(self.text) == _style(other.text)
        )

    def comments(self) -> int:
        """How many lines among the rows are comments."""
        mark = self.dialect.comment.encode()
        return self.text.count(b"\n" + mark) + self.text.startswith(mark) if mark else 0

    def original(self, line: bytes, number: int) -> bytes:
        """The bytes of a line, which has this number, as they were in the file."""
        if self.whole is not None:
            line = self.whole.split(b"\n")[number - 1].rstrip(b"\r")
        return Text(b"", self.encoding).original(line) if self.frame is None else line


class FrameTable(NamedTuple):
    """The rows of a frame, as :class:`flead.ingest.delimited.Table` has those of a text."""

    cells: pl.DataFrame
    lines: NDArray[np.int64]
    places: NDArray[np.int64]
    broken: dict[int, tuple[str, bytes]]

    @property
    def malformed(self) -> dict[int, str]:
        """Place -> reason."""
        return {place: reason for place, (reason, _) in self.broken.items()}

    def raw(self, place: int) -> bytes:
        """A row as JSON."""
        if place in self.broken:
            return self.broken[place][1]
        row = self.cells.row(int(np.searchsorted(self.places, place)), named=True)
        return msgspec.json.encode({name: value for name, value in row.items() if value is not None}, enc_hook=str)


def sheets_of(file: DeviceFile, pins: Pins, known: Known, most: int | None = None) -> Iterator[Sheet]:
    """The tables in a file; an empty file has none. Raises ContainerError or OSError if it cannot be read.

    ``most``: how many bytes of a text file to read.
    """
    for part in unpack(_read(file.path, most)):
        own = file
        if part.member:
            device = device_of(part.member, file.device)
            own = DeviceFile(file.path, device, f"{file.location}/{part.member}")
        if isinstance(part.content, pl.DataFrame):
            yield _of_frame(own, part.content, part.packing, {})
            continue
        text = to_text(part.content, pins.encoding)
        if documents.is_document(text.utf8):
            for document in documents.tables(text.utf8):
                yield _of_frame(own, document.frame, part.packing or "json", document.malformed, document.units)
            continue
        for number, section in enumerate(sections(text.utf8, pins, known)):
            yield Sheet(
                own, section.dialect, part.packing, text.encoding, section.rows, None, section.first_line,
                section.header, section.above, number, {}, section.whole,
            )  # fmt: skip


def _read(path: Path, most: int | None) -> bytes:
    if most is None or path.stat().st_size <= most:
        return path.read_bytes()
    with path.open("rb") as file:
        begin = file.read(most)
        if is_packed(begin) or begin.lstrip()[:1] in (b"{", b"["):
            return begin + file.read()
    return begin[: begin.rfind(b"\n") + 1] or begin


def table_of(sheets: list[Sheet]) -> Table | FrameTable:
    """The rows of sheets that are alike, those of one behind those of the other."""
    first = sheets[0]
    if first.frame is None:
        dialect = first.dialect
        text = b"".join(sheet.text.removesuffix(b"\n") + b"\n" for sheet in sheets)
        return split(text, 0, dialect.separator, dialect.columns, dialect.comment, dialect.fewest)
    count = len(first.frame) + len(first.malformed)
    places = np.setdiff1d(np.arange(count), np.fromiter(first.malformed, np.int64, len(first.malformed)))
    return FrameTable(first.frame, np.arange(count), places, first.malformed)


def _of_frame(
    file: DeviceFile,
    frame: pl.DataFrame,
    packing: str,
    malformed: dict[int, tuple[str, bytes]],
    units: dict[str, str] | None = None,
) -> Sheet:
    frame = documents.flattened(frame)
    known = tuple((units or {}).get(name, "") for name in frame.columns)
    dialect = Dialect("", tuple(frame.columns), known if any(known) else (), named=(True,) * frame.width)
    return Sheet(file, dialect, packing, "utf-8", b"", frame, 1, b"", 0, 0, malformed)


def _style(text: bytes) -> tuple[bytes, ...]:
    """How numbers and times are written in a first row, digits aside: sheets of two styles are judged apart."""
    stop = text.find(b"\n")
    line = text[: stop if stop >= 0 else len(text)][:400]
    return tuple(sign for sign in (b",", b".", b":", b"T", b"Z", b"/", b"+", b'"') if sign in line)
