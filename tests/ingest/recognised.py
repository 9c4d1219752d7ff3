"""Reads files of any form, for tests that look at what came of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flead.columns import Devices
from flead.ingest.csv_folder import Files, csv_folder
from flead.ingest.recognise.pins import Pins
from flead.records import to_text
from tests.ingest.drain import rest


def source_of(folder: Path, files: Mapping[str, str | bytes], **pins: Any) -> Files:
    """A source of files, by their names below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return csv_folder(f"csv:{folder}", folder, Pins(**pins))


def read(source: Files) -> dict[str, list[tuple[str, dict[str, float]]]]:
    """Device -> its readings in order: time, and values by channel, those that are absent left out."""
    devices = Devices()
    source.open(devices, None)
    readings, rejected = rest(source)
    for report in source.account.files:
        assert report.rows == report.readings + report.joined + report.other + report.lost
    assert len(rejected) == source.account.rejected
    found: dict[str, list[tuple[str, dict[str, float]]]] = {}
    for row, time, values in zip(readings.rows.tolist(), readings.times.tolist(), readings.values, strict=True):
        named = dict(zip(devices.channels(row), values.tolist(), strict=False))
        told = {name: value for name, value in named.items() if not np.isnan(value)}
        found.setdefault(devices.id(row), []).append((to_text(time).removesuffix(".000Z"), told))
    return found


def one(folder: Path, text: str | bytes, name: str = "pump.csv", **pins: Any) -> list[tuple[str, dict[str, float]]]:
    """The readings of a file of one device, in order."""
    found = read(source_of(folder, {name: text}, **pins))
    assert len(found) == 1, found
    return next(iter(found.values()))


def times(readings: list[tuple[str, dict[str, float]]]) -> list[str]:
    """Their times."""
    return [time for time, _ in readings]


def values(readings: list[tuple[str, dict[str, float]]]) -> list[dict[str, float]]:
    """What they say."""
    return [said for _, said in readings]
