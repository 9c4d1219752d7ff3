"""Files of readings: a folder with all below it, or one file. :mod:`flead.ingest.reader` says what they may hold."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from flead.ingest.errors import SourceError
from flead.ingest.reader import Reader
from flead.ingest.recognise.device_names import PACKINGS, device_of, without_ending
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.understanding import Account
from flead.ingest.recorded import RecordedSource, Recording
from flead.ingest.sheets import DeviceFile

KINDS = (
    (".csv", ".tsv", ".parquet", ".pq", ".zip"),
    (".json", ".jsonl", ".ndjson"),
    (".txt", ".dat", ".log", ".asc"),
)
"""File name endings. Where a folder has files of one kind, those of the kinds below it are mostly notes: not read."""

LOOK_BYTES, LOOK_FILES = 4 << 20, 100
"""How much of a file, and how many files, are read to see what they are."""


class Files(RecordedSource):
    """A source of files, which can tell what it has read."""

    def __init__(self, name: str, files: Sequence[DeviceFile], pins: Pins) -> None:
        super().__init__(name, self._read_files)
        self._files = files
        self._pins = pins
        self.account = Account(name)
        """Of the last time that the files were read."""

    def _read_files(self) -> list[Recording]:
        reader = Reader(self.name, self._pins)
        recordings = reader.read(self._files)
        self.account = reader.account
        return recordings


def csv_folder(name: str, path: Path, pins: Pins | None = None) -> Files:
    """The source of the files of a folder, or of a file. Raises :class:`SourceError`."""
    return Files(name, list_files(name, path), pins or Pins())


def look(name: str, path: Path, pins: Pins) -> Account:
    """What the files at a path are understood as, by the beginning of the first of them."""
    reader = Reader(name, pins, LOOK_BYTES)
    files = list_files(name, path)
    reader.read(files[:LOOK_FILES])
    return reader.account


def list_files(name: str, path: Path) -> list[DeviceFile]:
    """The files of readings in a folder and below it, in natural order. SourceError if there are none."""
    if path.is_file():
        return [DeviceFile(path, device_of(_as_text(path.name), ""), _as_text(path.name))]
    if not path.is_dir():
        raise SourceError(f"{name}: {path} is neither a folder nor a file; give the folder that holds the CSV files")
    found = sorted(_visible(path), key=lambda file: _in_natural_order(file, path))
    paths = next((kind for endings in KINDS if (kind := [file for file in found if _ending(file) in endings])), [])
    if not paths:
        others = f" ({len(found)} of another kind, such as {_as_text(found[0].name)})" if found else ""
        raise SourceError(f"{name}: {path} holds no file of readings{others}; {', '.join(sum(KINDS, ()))} are read")
    folder = _as_text(path.resolve().name)
    locations = [_as_text(file.relative_to(path).as_posix()) for file in paths]
    return [
        DeviceFile(file, device_of(location, folder), location) for file, location in zip(paths, locations, strict=True)
    ]


def list_csv(name: str, folder: Path) -> list[DeviceFile]:
    """The CSV files of a data set, whose names are its devices. SourceError if there are none."""
    if not folder.is_dir():
        raise SourceError(f"{name}: {folder} is not a folder; give the folder that holds one CSV file a device")
    paths = [file for file in folder.iterdir() if file.suffix.lower() == ".csv" and not file.name.startswith(".")]
    if not paths:
        raise SourceError(f"{name}: {folder} holds no .csv file; one file a device is expected")
    ordered = sorted(paths, key=lambda file: _in_natural_order(file, folder))
    return [DeviceFile(path, without_ending(_as_text(path.name)), _as_text(path.name)) for path in ordered]


def _visible(folder: Path) -> list[Path]:
    """The files in a folder and in its sub-folders, without hidden ones."""
    found = []
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [each for each in folders if not each.startswith((".", "__MACOSX"))]
        found += [Path(root, name) for name in names if not name.startswith(".")]
    return found


def _ending(path: Path) -> str:
    name = path.name.lower()
    packed = next((ending for ending in PACKINGS if name.endswith(ending)), "")
    ending = Path(name.removesuffix(packed)).suffix
    return ending if ending in sum(KINDS, ()) or not packed else ".csv"


def _as_text(name: str) -> str:
    """A file's name, whose bytes may be no UTF-8, as text that can be written anywhere."""
    return os.fsencode(name).decode(errors="replace")


def _in_natural_order(path: Path, folder: Path) -> tuple[list[tuple[bool, int, str]], str]:
    """device_2 before device_10."""
    text = without_ending(path.relative_to(folder).as_posix())
    parts = re.split(r"(\d+)", text)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts], path.name
