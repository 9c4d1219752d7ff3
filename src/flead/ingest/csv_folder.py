"""A folder of CSV files, one a device: the file name without ``.csv`` is the device's id.

:mod:`flead.ingest.csv_reader` says what a file may hold. Memory: all readings, as columns.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from flead.ingest.csv_reader import DeviceFile, Layout, Reader
from flead.ingest.errors import SourceError
from flead.ingest.recorded import RecordedSource, Recording


def csv_folder(name: str, folder: Path, channel: str | None = None) -> RecordedSource:
    """The source of a folder's ``*.csv`` files. Raises :class:`SourceError`."""
    return csv_files(name, list_csv(name, folder), Layout(), channel)


def csv_files(name: str, files: Sequence[DeviceFile], layout: Layout, channel: str | None) -> RecordedSource:
    """The source of these files."""

    def read() -> list[Recording]:
        reader = Reader(name, layout, channel)
        recordings = reader.read(files)
        reader.log_ignored()
        return recordings

    return RecordedSource(name, read)


def list_csv(name: str, folder: Path) -> list[DeviceFile]:
    """The folder's CSV files in natural order; hidden ones are none. Raises :class:`SourceError` without any."""
    if not folder.is_dir():
        raise SourceError(f"{name}: {folder} is not a folder; give the folder that holds one CSV file a device")
    paths = [path for path in folder.iterdir() if path.suffix.lower() == ".csv" and not path.name.startswith(".")]
    if not paths:
        raise SourceError(f"{name}: {folder} holds no .csv file; one file a device is expected")
    return [DeviceFile(path, _as_text(path.stem), _as_text(path.name)) for path in sorted(paths, key=_in_natural_order)]


def _as_text(name: str) -> str:
    """A file's name, whose bytes may be no UTF-8, as text that can be written anywhere."""
    return os.fsencode(name).decode(errors="replace")


def _in_natural_order(path: Path) -> tuple[list[str | int], str]:
    """device_2 before device_10."""
    parts = re.split(r"(\d+)", path.stem)
    return [int(part) if part.isdecimal() else part for part in parts], path.name
