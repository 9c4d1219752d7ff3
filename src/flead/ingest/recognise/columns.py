"""What the columns of a table are: times, labels, devices, metrics, channels; read over all rows at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import read_labels
from flead.ingest.recognise import roles
from flead.ingest.recognise.numbers import COMMA, POINT, Numbers, read_numbers
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.time_column import TimeColumn, find_times
from flead.ingest.recognise.understanding import LeftOut
from flead.records import NO_LABEL
from flead.vocabulary import unit_of

INFLUX_OWN = frozenset({"result", "table", "_start", "_stop", "_measurement"})


class Labels(NamedTuple):
    """Ground truth (K,), and which cells say neither 0 nor 1."""

    labels: NDArray[np.int8]
    bad: NDArray[np.bool_]


@dataclass
class Columns:
    """The columns of K rows, read."""

    time: TimeColumn | None
    labels: Labels | None
    numbers: dict[str, Numbers]
    """Of the columns that may be channels."""
    shape: str
    """``wide``, ``long`` or ``devices as columns``."""
    devices: list[str] = field(default_factory=list)
    """The columns whose cells name a row's device."""
    metric: str | None = None
    value: str | None = None
    units: dict[str, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    decimal: str = POINT
    reason: str = ""


def read_columns(
    cells: pl.DataFrame, named: Sequence[bool], units: Sequence[str], files: NDArray[np.int64], pins: Pins, leaning: str
) -> Columns:
    """The columns of a table of one form; ``files`` (K,) says of which file a row is."""
    left_out: list[LeftOut] = []
    empty = {name for name in cells.columns if cells[name].null_count() == len(cells)}
    influx = {"_time", "_value"} <= set(cells.columns)
    nameless = {name for name, is_named in zip(cells.columns, named, strict=True) if not is_named}
    time = find_times(cells, empty, nameless, files, pins)
    taken = empty | (set(time.columns) if time else set()) | set(pins.ignored)
    left_out += [LeftOut(name, "is empty") for name in cells.columns if name in empty - nameless]
    labels = _labels(cells, taken, pins, left_out)
    taken |= {pins.label} if labels is not None else set()
    rest = [name for name in cells.columns if name not in taken]
    if influx:
        left_out += [LeftOut(name, "is InfluxDB's own") for name in rest if name in INFLUX_OWN]
        rest = [name for name in rest if name not in INFLUX_OWN]
    numbers, decimal = _numbers(cells, rest, pins, leaning)
    columns = Columns(time, labels, {}, "wide", units=_units(cells.columns, units, numbers), decimal=decimal)
    texts = [name for name in rest if not numbers[name].is_channel(slice(None))]
    if not texts and not any(roles.names_a_device(name) or roles.names_a_metric(name) for name in rest):
        found = roles.WIDE
    else:
        found = roles.find_roles(cells, time, rest, texts, files, pins)
    columns.devices, columns.metric, columns.value = found.devices, found.metric, found.value
    columns.shape, columns.reason = ("long" if found.metric else "wide"), found.reason
    own = {*found.devices, found.metric}
    # A table of R or pandas: the column of row numbers has no name, the others have.
    unnamed = cells.columns[0] if nameless == {cells.columns[0]} | (nameless & empty) else None
    channels = [found.value] if found.metric and found.value else [name for name in rest if name not in own]
    for name in rest:
        if name in own or name in channels:
            continue
        left_out.append(LeftOut(name, "is not the value of the long table"))
    for name in channels:
        reason = _no_channel(cells, name, name == unnamed, time, numbers[name], pins)
        if reason and name != pins.channel:
            left_out.append(reason)
        else:
            columns.numbers[name] = numbers[name]
    columns.left_out = left_out
    if columns.shape == "wide" and not columns.devices:
        by_device = roles.devices_in_names(list(columns.numbers), pins)
        if by_device:
            columns.shape, columns.reason = "devices as columns", by_device
    return columns


def _labels(cells: pl.DataFrame, taken: set[str], pins: Pins, left_out: list[LeftOut]) -> Labels | None:
    if pins.label not in cells.columns or pins.label in taken:
        return None
    labels, bad = read_labels(cells[pins.label].cast(pl.String))
    if int((labels != NO_LABEL).sum()) * 2 < int(cells[pins.label].is_not_null().sum()):
        return None
    del left_out
    return Labels(labels, bad)


def _numbers(cells: pl.DataFrame, names: Sequence[str], pins: Pins, leaning: str) -> tuple[dict[str, Numbers], str]:
    """All columns as numbers; a decimal comma in one of them tells how the others are written."""
    numbers = {name: read_numbers(cells[name], pins.decimal, pins.booleans, leaning) for name in names}
    if pins.decimal is not None:
        return numbers, pins.decimal
    if not any("decimal comma" in found.style for found in numbers.values()):
        return numbers, POINT
    for name, found in numbers.items():
        if "decimal comma" not in found.style and cells[name].dtype == pl.String:
            grouped = cells[name].str.contains(r"^\s*[+-]?[1-9]\d{0,2}(\.\d{3})+\s*$|,").sum()
            if grouped:
                numbers[name] = read_numbers(cells[name], COMMA, pins.booleans)
    return numbers, COMMA


def _units(names: Sequence[str], row: Sequence[str], numbers: dict[str, Numbers]) -> dict[str, str]:
    units = dict(zip(names, row, strict=False))
    found = {
        name: units.get(name, "").strip("[]() ") or unit_of(name) or (numbers[name].unit if name in numbers else "")
        for name in names
    }
    return {name: unit for name, unit in found.items() if unit and not unit.startswith("--")}


def _no_channel(
    cells: pl.DataFrame, name: str, nameless: bool, time: TimeColumn | None, numbers: Numbers, pins: Pins
) -> LeftOut | None:
    """Why a column is no channel; None if it is one."""
    if numbers.boolean and not pins.booleans and numbers.style != "booleans":
        return LeftOut(name, "says on and off", "booleans = true")
    if roles.counts_rows(name, nameless, numbers.values):
        return LeftOut(name, "numbers the rows", f'channel = "{name}"')
    if time is not None and roles.is_other_time(name, numbers.values):
        return LeftOut(name, "is another time", f'time_column = "{name}"')
    if numbers.given.any() and np.isnan(numbers.values).all():
        if bool(numbers.absent[numbers.given].all()):
            return LeftOut(name, "says nowhere that there is a value")
        example = cells[name].cast(pl.String).drop_nulls().head(1).to_list()
        return LeftOut(name, f"is text, such as {example[0][:30]!r}" if example else "is text")
    return None
