"""SKAB, the Skoltech Anomaly Benchmark: experiments on a water circulation testbed, eight sensors at 1 Hz.

Each of the 34 labelled experiments (``valve1/``, ``valve2/``, ``other/``) is a device, such as ``valve1_0``.
``anomaly`` is the label; ``changepoint`` is ground truth as well, and so no channel. The run without anomalies,
which has no labels, is not among them.
"""

from dataclasses import replace
from pathlib import Path

from flead.ingest.csv_folder import Files, list_csv
from flead.ingest.errors import SourceError
from flead.ingest.recognise.pins import Pins
from flead.ingest.sheets import DeviceFile

GROUPS = ("valve1", "valve2", "other")
PINS = Pins(time_column="datetime", label="anomaly", ignored=frozenset({"changepoint"}))


def anomaly_free(name: str, folder: Path) -> Files | None:
    """The run without anomalies, None if the folder lacks it."""
    place = folder / "anomaly-free"
    return Files(name, list_csv(name, place), PINS) if place.is_dir() else None


def skab(name: str, folder: Path, channel: str | None = None) -> Files:
    """The source of a SKAB ``data`` folder. Raises :class:`SourceError`."""
    found = [group for group in GROUPS if (folder / group).is_dir()]
    if not found:
        raise SourceError(f"{name}: {folder} holds none of {', '.join(GROUPS)}; give SKAB's folder data")
    files = [
        DeviceFile(file.path, f"{group}_{file.device}", f"{group}/{file.location}")
        for group in found
        for file in list_csv(name, folder / group)
    ]
    return Files(name, files, replace(PINS, channel=channel))
