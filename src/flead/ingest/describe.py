"""What sheets of one form were understood as, for people: guesses, reasons, and what pins them."""

import json
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.recognise.columns import Columns
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.understanding import Channel, Guess, LeftOut, Understanding
from flead.ingest.recorded import UNKNOWN_TIME, Recording
from flead.ingest.sheets import Sheet
from flead.records import to_text

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_MOST_TIMES, _MOST_RECORDINGS = 2000, 40


def describe(
    sheets: Sequence[Sheet], columns: Columns, cells: pl.DataFrame, recordings: Sequence[Recording], pins: Pins
) -> Understanding:
    """The understanding of sheets that are alike, and of what was read of them."""
    first = sheets[0]
    guesses = _of_form(first, columns) + _of_roles(columns)
    warnings = list(columns.time.warnings) if columns.time else []
    if columns.time is None and len(cells):
        warnings.append(
            "no column of times was found: the rows are taken as a second apart from 1970 on; if there is one, name it,"
            f' as time_column = "{cells.columns[0]}"'
        )
    left_out = list(columns.left_out)
    kept = {channel for recording in recordings for channel in recording.channels}
    if columns.shape == "wide":
        wanted = [name for name in columns.numbers if pins.channel in (None, name)]
        left_out += [_text_column(cells, name) for name in wanted if name not in kept]
    if pins.channel:
        others = [name for name in columns.numbers if name != pins.channel and name not in kept]
        left_out += [LeftOut(name, "is not the channel that was asked for") for name in others]
    units = columns.units
    if columns.metric is not None and columns.value in units:
        units = dict.fromkeys(kept, units[columns.value]) | units
    seen = [recording.times[recording.times != UNKNOWN_TIME] for recording in recordings]
    times = [time for time in seen if len(time)]
    return Understanding(
        files=list(dict.fromkeys(sheet.file.location for sheet in sheets)),
        shape=columns.shape,
        guesses=guesses,
        channels=_channels(recordings, units | _unit_column(columns, cells)),
        left_out=left_out,
        warnings=warnings,
        interval=_interval(times),
        first=to_text(min(int(time.min()) for time in times)) if times else "",
        last=to_text(max(int(time.max()) for time in times)) if times else "",
    )


def _of_form(sheet: Sheet, columns: Columns) -> list[Guess]:
    dialect = sheet.dialect
    guesses = []
    if sheet.packing:
        guesses.append(Guess("packing", sheet.packing, "its first bytes"))
    if sheet.frame is None:
        if sheet.encoding != "utf-8":
            guesses.append(
                Guess("encoding", sheet.encoding, "its bytes are no UTF-8", f"encoding = {json.dumps(sheet.encoding)}")
            )
        name = _SEPARATORS.get(dialect.separator, dialect.separator)
        guesses.append(
            Guess("separator", name, "it splits the rows alike", f"separator = {json.dumps(dialect.separator)}")
        )
        header = f"line {dialect.header_line}" if dialect.header_line else "none"
        guesses.append(Guess("header", header, dialect.reason, f"header_line = {dialect.header_line}"))
    if columns.decimal == ",":
        guesses.append(Guess("decimal sign", "comma", "cells can only be read so", 'decimal = ","'))
    styles = {style for numbers in columns.numbers.values() for style in numbers.style.split(", ") if style}
    more = sorted(styles - {"decimal comma"})
    if more:
        guesses.append(Guess("numbers", ", ".join(more), "the cells are written so"))
    return guesses


def _of_roles(columns: Columns) -> list[Guess]:
    guesses = []
    if columns.time is not None:
        name = " + ".join(columns.time.columns)
        guesses.append(Guess("time", name, columns.time.reason, f"time_column = {json.dumps(name)}"))
        pin = f"time_format = {json.dumps(columns.time.pin)}" if columns.time.pin else ""
        guesses.append(Guess("time format", columns.time.form, "its cells are written so", pin))
        zone = f"time_zone = {json.dumps(columns.time.zone)}" if "no offset" in columns.time.zone_reason else ""
        guesses.append(Guess("time zone", columns.time.zone, columns.time.zone_reason, zone))
    shape = "devices" if columns.shape == "devices as columns" else columns.shape
    other = ' (or "devices")' if shape == "wide" and len(columns.numbers) > 1 else ""
    guesses.append(Guess("shape", columns.shape, columns.reason, f"shape = {json.dumps(shape)}{other}"))
    if columns.devices:
        name = " + ".join(columns.devices)
        pin = f"device_column = {json.dumps(name)}" if len(columns.devices) == 1 else ""
        guesses.append(Guess("devices", f"column {name}", columns.reason, pin))
    elif columns.shape != "devices as columns":
        guesses.append(Guess("devices", "the files' names", "no column names them"))
    if columns.metric is not None:
        guesses.append(
            Guess(
                "channels", f"column {columns.metric}", columns.reason, f"metric_column = {json.dumps(columns.metric)}"
            )
        )
    return guesses


def _text_column(cells: pl.DataFrame, name: str) -> LeftOut:
    example = cells[name].cast(pl.String).drop_nulls().head(1).to_list()
    return LeftOut(
        name, f"is mostly text, such as {example[0][:30]!r}" if example else "is empty", f'channel = "{name}"'
    )


def _unit_column(columns: Columns, cells: pl.DataFrame) -> dict[str, str]:
    """The units of a long table that has a column of them, or of its one channel."""
    unit = next((name for name in cells.columns if name.lower() in ("unit", "units", "unit_of_measurement")), None)
    if unit is None or cells[unit].dtype != pl.String:
        return {}
    if columns.metric is not None:
        pairs = cells.select(columns.metric, unit).drop_nulls().unique(subset=[columns.metric], maintain_order=True)
        return {str(metric).strip(): str(said).strip() for metric, said in pairs.rows()}
    said = cells[unit].drop_nulls().unique().to_list()
    return dict.fromkeys(columns.numbers, str(said[0]).strip()) if len(said) == 1 else {}


def _channels(recordings: Sequence[Recording], units: dict[str, str]) -> list[Channel]:
    channels: dict[str, Channel] = {}
    for recording in recordings:
        good = recording.times != UNKNOWN_TIME
        if not good.any():
            continue
        for column, name in enumerate(recording.channels):
            values = recording.values[:, column]
            values = values[good & ~np.isnan(values)]
            channel = channels.setdefault(name, Channel(name, units.get(name, "")))
            if len(values):
                low, high = float(values.min()), float(values.max())
                channel.lowest = low if channel.lowest is None else min(channel.lowest, low)
                channel.highest = high if channel.highest is None else max(channel.highest, high)
                channel.values += len(values)
    return list(channels.values())


def _interval(times: Sequence[NDArray[np.int64]]) -> float | None:
    """The median of the first recordings' steps, in seconds."""
    steps = [np.diff(time[:_MOST_TIMES]) for time in times[:_MOST_RECORDINGS] if len(time) > 1]
    return float(np.median(np.concatenate(steps))) / 1000 if steps else None
