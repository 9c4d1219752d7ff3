"""Columns to recordings: the rows of one file, by device, with what of them was no reading."""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.assembly import NO_NUMBERS, NO_VALUE, Assembly, Part, Values, groups, take
from flead.ingest.cells import BAD_TIME
from flead.ingest.long_table import of_long
from flead.ingest.recognise.columns import Columns
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.roles import split_name
from flead.ingest.recognise.understanding import FileReport, tally
from flead.ingest.recorded import UNKNOWN_TIME, Recording
from flead.records import DEFAULT_CHANNEL, NO_LABEL, Rejected

Reject = Callable[[int, str], Rejected]


def assemble(
    part: Part,
    columns: Columns,
    cells: pl.DataFrame,
    pins: Pins,
    malformed: dict[int, str],
    reject: Reject,
    report: FileReport,
) -> list[Recording]:
    """The recordings of a part, and its account in ``report``. ``reject`` makes the record of a rejected place."""
    assembly = Assembly(part, pins, report, list(malformed.items()))
    report.rows += part.total
    for reason in malformed.values():
        tally(report.rejected, reason, "", 1, [])
    said = _values(part, columns, pins, report)
    if columns.shape == "wide" and not columns.devices:
        return [_one_device(assembly, said, reject)]
    whose, devices = _by_device(part, columns, cells)
    if columns.shape == "devices as columns":
        recordings = _of_columns(assembly, said)
    elif columns.metric is not None:
        recordings = of_long(assembly, said, whose, devices, cells[columns.metric][part.rows])
    else:
        recordings = _of_rows(assembly, said, whose, devices)
    if assembly.reasons:
        refused = [reject(place, reason) for place, reason in sorted(assembly.reasons)]
        recordings.append(Recording.of_rejected(refused, part.name))
    return recordings


def _values(part: Part, columns: Columns, pins: Pins, report: FileReport) -> Values:
    rows, count = part.rows, part.last - part.first
    times = part.places * 1000 if columns.time is None else columns.time.times[rows]
    labels = np.full(count, NO_LABEL, np.int8) if columns.labels is None else columns.labels.labels[rows]
    kept = times != BAD_TIME
    if columns.labels is not None and columns.labels.bad[rows].any():
        tally(report.absent, "neither 0 nor 1", pins.label, int((columns.labels.bad[rows] & kept).sum()), [])
    if pins.channel in columns.numbers and columns.metric is None:
        channels: tuple[str, ...] = (pins.channel,)
    else:
        channels = tuple(name for name, numbers in columns.numbers.items() if numbers.is_channel(rows))
    values = np.empty((count, len(channels)))
    wordy = np.zeros(count, np.bool_)
    for column, name in enumerate(channels):
        numbers = columns.numbers[name]
        values[:, column] = numbers.values[rows]
        if numbers.cells is not None:
            numbers.count_bad(rows, kept, name, report.absent)
            wordy |= (numbers.bad & ~numbers.absent)[rows]
    return Values(part.places, times, labels, channels, values, wordy)


def _one_device(assembly: Assembly, said: Values, reject: Reject) -> Recording:
    """A wide table of one device: all rows in one recording."""
    part, report = assembly.part, assembly.report
    for column, channel in enumerate(said.channels):
        assembly.clean(said.values[:, column], channel, part.device)
    bad_time = said.times == BAD_TIME
    bad = bad_time | np.isnan(said.values).all(axis=1)
    assembly.refuse(part.places[bad], bad_time[bad], NO_VALUE if said.channels else NO_NUMBERS)
    times = np.full(part.total, UNKNOWN_TIME, dtype=np.int64)
    labels = np.full(part.total, NO_LABEL, dtype=np.int8)
    values = np.full((part.total, len(said.channels)), np.nan)
    kept = part.places[~bad]
    times[kept], labels[kept], values[kept] = said.times[~bad], said.labels[~bad], said.values[~bad]
    report.readings += len(kept)
    if len(kept) and part.device not in report.devices:
        report.devices.append(part.device)
    rejected = {place: reject(place, reason) for place, reason in sorted(assembly.reasons)}
    return Recording(part.device, said.channels, times, values, labels, rejected, part.name)


def _by_device(part: Part, columns: Columns, cells: pl.DataFrame) -> tuple[NDArray[np.int64], list[str]]:
    """Whose every row is, as an index into the devices, which come in the order of their first rows."""
    count = part.last - part.first
    if not columns.devices:
        return np.zeros(count, np.int64), [part.device]
    own = cells[columns.devices][part.rows]
    bare = [pl.col(name).cast(pl.String).str.strip_chars().fill_null("") for name in columns.devices]
    names = own.select(pl.concat_str(bare, separator=" ").str.strip_chars().alias("device"))["device"]
    names = names.replace("", part.device)
    devices = names.unique(maintain_order=True).to_list()
    return names.replace_strict(devices, list(range(len(devices))), return_dtype=pl.Int64).to_numpy(), devices


def _of_rows(assembly: Assembly, said: Values, whose: NDArray[np.int64], devices: list[str]) -> list[Recording]:
    """A wide table whose rows name their device."""
    recordings = []
    for number, at in groups(whose):
        own = take(said, at)
        if len(said.channels) == 1 and assembly.leave_wordy(own, devices[number]):
            continue
        recording = assembly.recording(own, devices[number])
        if recording is not None:
            recordings.append(recording)
    return recordings


def _of_columns(assembly: Assembly, said: Values) -> list[Recording]:
    """A table whose columns are devices: a device's cells of a line are a row, where it has any."""
    by_device: dict[str, list[int]] = {}
    labelled = [split_name(name) for name in said.channels]
    # Columns that share no channel are devices as a whole: pump_1, pump_2.
    single = len({channel for _, channel in labelled}) == len(labelled) or any(not device for device, _ in labelled)
    for column, (name, (device, _)) in enumerate(zip(said.channels, labelled, strict=True)):
        by_device.setdefault(name if single else device, []).append(column)
    given = ~np.isnan(said.values)
    bad_time = said.times == BAD_TIME
    bad = bad_time | ~given.any(axis=1)
    assembly.refuse(said.places[bad], bad_time[bad], NO_VALUE)
    assembly.report.rows -= int((~bad).sum())
    recordings = []
    for device, columns in by_device.items():
        at = np.flatnonzero(~bad & given[:, columns].any(axis=1))
        assembly.report.rows += len(at)
        names = (DEFAULT_CHANNEL,) if single else tuple(labelled[column][1] for column in columns)
        own = take(said, at)._replace(channels=names, values=said.values[at][:, columns])
        recording = assembly.recording(own, device)
        if recording is not None:
            recordings.append(recording)
    return recordings
