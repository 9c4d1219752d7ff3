"""Edge-IIoTset as a fleet: the published preprocessing, as a source and as a folder of CSV files.

The rows are cleaned and ordered by time; row number n of these is a reading of ``device_<n mod devices>``. The
data set knows no devices: these are a way to spread one capture over a fleet, as published.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from flead.ingest.csv_folder import Files, list_csv
from flead.ingest.edge_clean import Clean, clean
from flead.ingest.edge_report import Report
from flead.ingest.errors import SourceError
from flead.ingest.recognise.pins import Pins
from flead.ingest.recorded import RecordedSource, Recording
from flead.records import Rejected, to_texts

DEFAULT_CHANNEL = "tcp.ack"
DEVICES = 2407
REPORT = "report.json"
REPORT_TEXT = "report.txt"
REJECTED = "rejected.jsonl"


def edge_iiotset(name: str, path: Path, devices: int = DEVICES, channel: str | None = None) -> RecordedSource:
    """The source of the raw file, or of a folder that :func:`prepare` made. Raises :class:`SourceError`."""
    if path.is_dir():
        return Files(name, list_csv(name, path), Pins(channel=channel, sentinels=False))
    _check_file(path)

    def read() -> list[Recording]:
        rejected: list[Rejected] = []
        cleaned, _ = clean(path, channel or DEFAULT_CHANNEL, rejected.append)
        return [Recording.of_rejected(rejected), *_share_out(cleaned, devices, channel or DEFAULT_CHANNEL)]

    return RecordedSource(name, read)


def prepare(
    path: Path,
    out: Path,
    devices: int = DEVICES,
    channel: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Write one CSV a device (columns timestamp, channel, label) into ``out``, with a report of every defect.

    The report is in ``report.json`` and ``report.txt``, the rejected rows with their reasons in ``rejected.jsonl``.
    ``out`` must be new, empty, or a former preparation, which is replaced. ``progress`` gets the bytes read and the
    bytes in all. Raises :class:`SourceError`.
    """
    _check_file(path)
    _make_room(out)
    channel = channel or DEFAULT_CHANNEL
    with (out / REJECTED).open("w", encoding="utf-8") as rejects:

        def reject(row: Rejected) -> None:
            line = {"location": row.location, "reason": row.reason, "raw": row.raw.decode(errors="backslashreplace")}
            rejects.write(json.dumps(line, ensure_ascii=False) + "\n")

        cleaned, report = clean(path, channel, reject, progress)
    for recording in _share_out(cleaned, devices, channel):
        _write(recording, out / f"{recording.device}.csv")
        report.devices += 1
    (out / REPORT_TEXT).write_text(str(report), encoding="utf-8")
    (out / REPORT).write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
    return report


def _share_out(cleaned: Clean, devices: int, channel: str) -> list[Recording]:
    """Every ``devices``-th row, from the first, from the second, ..."""
    times = cleaned.times // 1000
    return [
        Recording(
            f"device_{number}",
            (channel,),
            times[number::devices],
            cleaned.values[number::devices, np.newaxis],
            cleaned.labels[number::devices],
            {},
        )
        for number in range(min(devices, len(times)))
    ]


def _write(recording: Recording, path: Path) -> None:
    columns = {
        "timestamp": to_texts(recording.times),
        recording.channels[0]: recording.values[:, 0],
        "label": recording.labels,
    }
    pl.DataFrame(columns).write_csv(path)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise SourceError(
            f"{path} is neither the raw file of Edge-IIoTset nor a folder made of it by flead data prepare"
        )


def _make_room(out: Path) -> None:
    """Make the folder, or remove the files of a former preparation from it."""
    if out.exists() and not out.is_dir():
        raise SourceError(f"{out} is a file; give a folder to write to")
    out.mkdir(parents=True, exist_ok=True)
    if not any(out.iterdir()):
        return
    if not (out / REJECTED).exists():
        raise SourceError(f"{out} holds other files; give a new folder to write to")
    for file in [*out.glob("device_*.csv"), out / REPORT, out / REPORT_TEXT]:
        file.unlink(missing_ok=True)
