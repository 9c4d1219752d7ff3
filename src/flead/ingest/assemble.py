"""Columns to recordings: the rows of one file, by device, with what of them was no reading."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME
from flead.ingest.recognise.columns import Columns
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.roles import split_name
from flead.ingest.recognise.sentinels import find_sentinels
from flead.ingest.recognise.understanding import FileReport, tally
from flead.ingest.recorded import UNKNOWN_TIME, Recording
from flead.records import DEFAULT_CHANNEL, NO_LABEL, Rejected

NO_TIME, NO_VALUE, NO_NUMBERS = "no time", "no value in any channel", "the file has no column of numbers"
LIMITS, SENTINEL = "outside its limits", "a value by which the sensor says that it has none"


Reasons = list[tuple[int, str]]
"""Places of rows that are no readings, and why."""


class Part(NamedTuple):
    """The rows of one file among those of several."""

    name: str
    """Of the file and its table."""
    device: str
    first: int
    last: int
    """Its rows among those that have all their cells."""
    places: NDArray[np.int64]
    """Where they are among all rows of the file, those counted that are malformed."""
    total: int
    """How many rows the file has in all."""

    @property
    def rows(self) -> slice:
        """Its rows, as a slice."""
        return slice(self.first, self.last)


class Values(NamedTuple):
    """What a part's rows say."""

    times: NDArray[np.int64]  # (K,)
    labels: NDArray[np.int8]  # (K,)
    channels: tuple[str, ...]
    values: NDArray[np.float64]  # (K, C)


def assemble(
    part: Part,
    columns: Columns,
    cells: pl.DataFrame,
    pins: Pins,
    malformed: dict[int, str],
    reject: Callable[[int, str], Rejected],
    report: FileReport,
) -> list[Recording]:
    """The recordings of a part, and its account in ``report``. ``reject`` makes the record of a rejected place."""
    report.rows += part.total
    _count_reasons(report, malformed)
    values = _values(part, columns, pins, report)
    reasons: Reasons = list(malformed.items())
    if columns.shape == "wide" and not columns.devices:
        recording = _one_device(part, values, pins, report, reasons, reject)
        return [recording]
    rows = _by_device(part, columns, cells)
    if columns.shape == "devices as columns":
        recordings = _of_columns(part, values, pins, report, reasons)
    elif columns.metric is None:
        recordings = _of_rows(part, values, rows, pins, report, reasons)
    else:
        recordings = _of_long(part, values, rows, cells[columns.metric][part.rows], pins, report, reasons)
    if reasons:
        refused = [reject(place, reason) for place, reason in sorted(reasons)]
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
    for column, name in enumerate(channels):
        values[:, column] = columns.numbers[name].values[rows]
        columns.numbers[name].count_bad(rows, kept, name, report.absent)
    return Values(times, labels, channels, values)


def _clean(values: NDArray[np.float64], channel: str, device: str, pins: Pins, report: FileReport) -> None:
    """Take out, in place, what a channel (N,) cannot have measured."""
    if channel in pins.limits:
        low, high = pins.limits[channel]
        outside = (values < low) | (values > high)
        if outside.any():
            examples = [f"{value:g}" for value in values[outside][:3].tolist()]
            tally(report.absent, LIMITS, channel, int(outside.sum()), examples)
            values[outside] = np.nan
    if pins.sentinels:
        for sentinel in find_sentinels(values):
            says = values == sentinel
            tally(report.absent, SENTINEL, channel, int(says.sum()), [f"{sentinel:g}"])
            values[says] = np.nan
            faulty = report.faults.setdefault(device, [])
            if channel not in faulty:
                faulty.append(channel)


def _refuse(
    report: FileReport, reasons: Reasons, places: NDArray[np.int64], without_time: NDArray[np.bool_], why: str
) -> None:
    for at, reason in ((places[without_time], NO_TIME), (places[~without_time], why)):
        if len(at):
            reasons += [(place, reason) for place in at.tolist()]
            tally(report.rejected, reason, "", len(at), [])


def _one_device(
    part: Part,
    said: Values,
    pins: Pins,
    report: FileReport,
    reasons: Reasons,
    reject: Callable[[int, str], Rejected],
) -> Recording:
    """A wide table of one device: all rows in one recording."""
    for column, channel in enumerate(said.channels):
        _clean(said.values[:, column], channel, part.device, pins, report)
    bad_time = said.times == BAD_TIME
    bad = bad_time | np.isnan(said.values).all(axis=1)
    _refuse(report, reasons, part.places[bad], bad_time[bad], NO_VALUE if said.channels else NO_NUMBERS)
    times = np.full(part.total, UNKNOWN_TIME, dtype=np.int64)
    labels = np.full(part.total, NO_LABEL, dtype=np.int8)
    values = np.full((part.total, len(said.channels)), np.nan)
    kept = part.places[~bad]
    times[kept], labels[kept], values[kept] = said.times[~bad], said.labels[~bad], said.values[~bad]
    report.readings += len(kept)
    if len(kept):
        report.devices.append(part.device)
    rejected = {place: reject(place, reason) for place, reason in sorted(reasons)}
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
    codes = names.cast(pl.Categorical).to_physical().to_numpy().astype(np.int64)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first, kind="stable"), kind="stable")
    devices = names.gather(np.sort(first)).to_list()
    return order[inverse], devices


def _of_rows(
    part: Part,
    said: Values,
    rows: tuple[NDArray[np.int64], list[str]],
    pins: Pins,
    report: FileReport,
    reasons: Reasons,
) -> list[Recording]:
    """A wide table whose rows name their device."""
    recordings = []
    whose, devices = rows
    for number, at in _groups(whose):
        recording = _recording(part, said, at, devices[number], pins, report, reasons)
        if recording is not None:
            recordings.append(recording)
    return recordings


def _recording(
    part: Part,
    said: Values,
    at: NDArray[np.int64],
    device: str,
    pins: Pins,
    report: FileReport,
    reasons: Reasons,
    names: tuple[str, ...] | None = None,
    columns: tuple[int, ...] | None = None,
) -> Recording | None:
    """The recording of a device's rows; None if nothing of them is left."""
    channels = said.channels if names is None else names
    values = said.values[at] if columns is None else said.values[at][:, list(columns)]
    for column, channel in enumerate(channels):
        _clean(values[:, column], channel, device, pins, report)
    bad_time = said.times[at] == BAD_TIME
    bad = bad_time | np.isnan(values).all(axis=1)
    _refuse(report, reasons, part.places[at[bad]], bad_time[bad], NO_VALUE)
    used = ~np.isnan(values).all(axis=0) if len(values) else np.zeros(len(channels), np.bool_)
    at, values = at[~bad], values[~bad][:, used]
    if not len(at):
        return None
    report.readings += len(at)
    report.devices.append(device)
    kept = tuple(channel for channel, is_used in zip(channels, used.tolist(), strict=True) if is_used)
    return Recording(
        device, kept, said.times[at], np.ascontiguousarray(values), said.labels[at], {}, f"{part.name} {device}"
    )


def _of_columns(part: Part, said: Values, pins: Pins, report: FileReport, reasons: Reasons) -> list[Recording]:
    """A table whose columns are devices: a device's cells of a line are a row, where it has any."""
    by_device: dict[str, list[int]] = {}
    labelled = [split_name(name) for name in said.channels]
    single = len({channel for _, channel in labelled}) == len(labelled) or any(not device for device, _ in labelled)
    for column, (name, (device, _)) in enumerate(zip(said.channels, labelled, strict=True)):
        by_device.setdefault(name if single else device, []).append(column)
    recordings = []
    given = ~np.isnan(said.values)
    bad = (said.times == BAD_TIME) | ~given.any(axis=1)
    _refuse(report, reasons, part.places[bad], (said.times == BAD_TIME)[bad], NO_VALUE)
    report.rows -= int((~bad).sum())
    for device, columns in by_device.items():
        at = np.flatnonzero(~bad & given[:, columns].any(axis=1))
        report.rows += len(at)
        names = (DEFAULT_CHANNEL,) if single else tuple(labelled[column][1] for column in columns)
        recording = _recording(part, said, at, device, pins, report, reasons, names, tuple(columns))
        if recording is not None:
            recordings.append(recording)
    return recordings


def _of_long(
    part: Part,
    said: Values,
    rows: tuple[NDArray[np.int64], list[str]],
    metrics: pl.Series,
    pins: Pins,
    report: FileReport,
    reasons: Reasons,
) -> list[Recording]:
    """A long table: rows of one device and one time are one reading."""
    whose, devices = rows
    metrics = metrics.cast(pl.String).str.strip_chars().fill_null("value")
    known = metrics.unique(maintain_order=True).to_list()
    what = metrics.replace_strict(known, list(range(len(known))), return_dtype=pl.Int64).to_numpy()
    value = said.values[:, 0] if said.channels else np.full(len(what), np.nan)
    wanted = np.ones(len(what), np.bool_)
    if pins.channel is not None and pins.channel in known:
        wanted = what == known.index(pins.channel)
        report.other += int((~wanted).sum())
    for code, at in _groups(np.where(wanted, whose * len(known) + what, -1)):
        if code >= 0:
            own = value[at]
            _clean(own, known[code % len(known)], devices[code // len(known)], pins, report)
            value[at] = own
    bad_time = said.times == BAD_TIME
    bad = (bad_time | np.isnan(value)) & wanted
    _refuse(report, reasons, part.places[bad], bad_time[bad], NO_VALUE)
    kept = np.flatnonzero(~bad & wanted)
    reading, first = join_rows(whose[kept], said.times[kept], what[kept])
    report.joined += len(kept) - len(first)
    joined = np.full((len(first), len(known)), np.nan)
    joined[reading, what[kept]] = value[kept]
    together = Values(said.times[kept[first]], said.labels[kept[first]], tuple(known), joined)
    quiet = Pins(sentinels=False)
    rest = part._replace(places=part.places[kept[first]])
    recordings = []
    for number, at in _groups(whose[kept[first]]):
        recording = _recording(rest, together, at, devices[number], quiet, report, reasons)
        if recording is not None:
            recordings.append(recording)
    return recordings


def _groups(codes: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Every code that occurs in (N,), rising, and where it does."""
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for at in np.split(order, bounds):
        if len(at):
            yield int(codes[at[0]]), at


def join_rows(
    whose: NDArray[np.int64], times: NDArray[np.int64], what: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which reading every row (N,) belongs to, and the first row of every reading, which is its place.

    Rows of one device and one time are one reading; of a channel that comes twice, the second one is of another.
    """
    count = len(times)
    order = np.lexsort((np.arange(count), what, times, whose))
    same = np.zeros(count, np.int64)
    if count > 1:
        again = (np.diff(whose[order]) == 0) & (np.diff(times[order]) == 0) & (np.diff(what[order]) == 0)
        run = np.arange(1, count) - np.maximum.accumulate(np.where(again, 0, np.arange(1, count)))
        same[order[1:]] = np.where(again, run, 0)
    order = np.lexsort((np.arange(count), same, times, whose))
    new = np.ones(count, np.bool_)
    if count > 1:
        new[1:] = (np.diff(whose[order]) != 0) | (np.diff(times[order]) != 0) | (np.diff(same[order]) != 0)
    group = np.empty(count, np.int64)
    group[order] = np.cumsum(new) - 1
    first = order[new]
    by_place = np.argsort(first, kind="stable")
    rank = np.empty(len(first), np.int64)
    rank[by_place] = np.arange(len(first))
    return rank[group], first[by_place]


def _count_reasons(report: FileReport, malformed: dict[int, str]) -> None:
    counts: dict[str, int] = {}
    for reason in malformed.values():
        counts[reason] = counts.get(reason, 0) + 1
    for reason, count in counts.items():
        tally(report.rejected, reason, "", count, [])
