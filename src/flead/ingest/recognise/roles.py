"""Which columns name devices and metrics, and which only look like channels."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.errors import SourceError
from flead.ingest.recognise.epochs import plausible_epoch
from flead.ingest.recognise.lines import names_a_time
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.time_column import TimeColumn
from flead.records import MOST_CHANNELS
from flead.vocabulary import (
    ANNOTATIONS,
    COUNTERS,
    DEVICES,
    METRICS,
    VALUES,
    WEAK_DEVICES,
    plain,
    words,
)  # fmt: skip

_FEW_ROWS = 20
_MOST_TAGS = 5
_MACHINES = frozenset(
    {
        "device",
        "dev",
        "pump",
        "room",
        "node",
        "station",
        "machine",
        "tank",
        "inverter",
        "motor",
        "boiler",
        "fridge",
        "freezer",
        "house",
        "home",
        "flat",
        "apartment",
        "building",
        "turbine",
        "well",
        "compressor",
        "chiller",
        "ahu",
        "gateway",
        "meter",
        "plant",
        "greenhouse",
        "cabinet",
        "rack",
        "server",
        "customer",
    }
)
"""Things that have a sensor each: ``pump_1, pump_2`` are devices, ``c1, c2`` may be channels."""


class Roles(NamedTuple):
    """The columns that say whose and what a row's value is."""

    devices: list[str]
    metric: str | None
    value: str | None
    reason: str


WIDE = Roles([], None, None, "a column a channel")


def names_a_device(name: str) -> bool:
    """Whether a column is called like one of devices."""
    return plain(name) in DEVICES


def names_a_metric(name: str) -> bool:
    """Whether a column is called like one of metrics."""
    return plain(name) in METRICS


def find_roles(
    cells: pl.DataFrame,
    time: TimeColumn | None,
    rest: Sequence[str],
    texts: Sequence[str],
    files: NDArray[np.int64],
    pins: Pins,
) -> Roles:
    """The roles of the columns: by settings, by names, and by what makes rows of the same time different."""
    for setting, name in (
        ("device_column", pins.device_column),
        ("metric_column", pins.metric_column),
        ("value_column", pins.value_column),
    ):
        if name is not None and name not in cells.columns:
            raise SourceError(f"{setting} = {name!r}: there is no such column; there are {', '.join(cells.columns)}")
    if pins.device_column:
        devices = [pins.device_column]
    elif {"_time", "_value"} <= set(cells.columns):
        # InfluxDB: what is not its own are tags.
        devices = [name for name in rest if not name.startswith("_")]
    else:
        devices = _strong_devices(cells, rest, texts)
    value = pins.value_column or _value(rest, texts)
    metric = pins.metric_column
    if metric is None and value is not None and pins.shape in (None, "long"):
        metric = _metric(cells, [name for name in texts if name not in devices and name != value])
        if metric is None and "_field" in rest:
            metric = "_field"
    if metric is not None and value is None:
        numeric = [name for name in rest if name not in texts and name not in devices and name != metric]
        value = numeric[0] if len(numeric) == 1 else None
        metric = metric if value else None
    if pins.shape == "wide":
        metric = None
    given = [*devices, *([metric] if metric else [])]
    tags = [
        name
        for name in texts
        if name not in given and name != value and plain(name) not in ANNOTATIONS and _repeats(cells[name])
    ]
    if time is not None and tags and pins.device_column is None:
        more = _distinguishing(cells, time, given, tags, files)
        # A gateway in front of its sensors tells nothing if there is only one.
        devices = [name for name in devices if not more or cells[name].n_unique() > 1] + more
    if metric is not None and not devices and cells[metric].n_unique() > MOST_CHANNELS:
        devices, metric = [metric], None
    reason = _reason(devices, metric, value)
    return Roles(devices, metric, value if metric else None, reason)


def _reason(devices: Sequence[str], metric: str | None, value: str | None) -> str:
    whose = f"{' and '.join(devices)} names the device" if devices else ""
    if metric is None:
        return f"a column a channel; {whose}" if whose else WIDE.reason
    return f"{metric} names the channel, {value} has its value" + (f"; {whose}" if whose else "")


def _strong_devices(cells: pl.DataFrame, rest: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The column whose name says that it names devices, if its cells can."""
    named = [name for name in rest if plain(name) in DEVICES and plain(name) not in WEAK_DEVICES]
    for name in sorted(named, key=lambda name: DEVICES.index(plain(name))):
        if (name in texts or _whole(cells[name])) and _repeats(cells[name]):
            return [name]
    weak = [name for name in rest if plain(name) in WEAK_DEVICES]
    for name in sorted(weak, key=lambda name: DEVICES.index(plain(name))):
        distinct, given = cells[name].n_unique(), len(cells) - cells[name].null_count()
        if name in texts and 2 <= distinct <= given / 4:
            return [name]
    return []


def _metric(cells: pl.DataFrame, texts: Sequence[str]) -> str | None:
    named = [name for name in texts if plain(name) in METRICS and plain(name) not in ("name", "type")]
    named += [name for name in texts if plain(name) in ("name", "type")]
    for name in sorted(named, key=lambda name: METRICS.index(plain(name))):
        if _repeats(cells[name]) or len(cells) < _FEW_ROWS:
            return name
    return None


def _value(rest: Sequence[str], texts: Sequence[str]) -> str | None:
    named = [name for name in rest if plain(name) in VALUES and name not in texts]
    return min(named, key=lambda name: VALUES.index(plain(name))) if named else None


def _repeats(cells: pl.Series) -> bool:
    """Whether a column says few things again and again."""
    given = len(cells) - cells.null_count()
    return given > 0 and (cells.n_unique() <= max(1, given // 2) or len(cells) < _FEW_ROWS)


def _whole(cells: pl.Series) -> bool:
    if cells.dtype.is_integer():
        return True
    return cells.dtype == pl.String and bool(cells.drop_nulls().str.contains(r"^\s*\d{1,15}\s*$").all())


def _distinguishing(
    cells: pl.DataFrame, time: TimeColumn, given: Sequence[str], tags: Sequence[str], files: NDArray[np.int64]
) -> list[str]:
    """The columns that tell apart rows of the same time: those without which most times would come twice."""
    frame = cells.select([*given, *tags]).with_columns(pl.Series("\0time", time.times), pl.Series("\0file", files))
    key = ["\0time", "\0file", *given]
    chosen: list[str] = []

    def different(columns: Sequence[str]) -> int:
        return int(frame.select(pl.struct(columns).n_unique()).item())

    count = different(key)
    for tag in list(tags)[: 2 * _MOST_TAGS]:
        if count > 0.95 * len(frame) or len(chosen) == _MOST_TAGS:
            break
        more = different([*key, tag])
        if more > 1.2 * count:
            key.append(tag)
            chosen.append(tag)
            count = more
    return chosen


def counts_rows(name: str, nameless: bool, values: NDArray[np.float64]) -> bool:
    """Whether a column only numbers the rows."""
    if not (nameless or plain(name) in COUNTERS):
        return False
    steps = np.diff(values)
    return len(steps) > 1 and bool(np.mean(steps == 1) > 0.9)


def is_other_time(name: str, values: NDArray[np.float64]) -> bool:
    """Whether a column of numbers is a second time, as of when a row was stored."""
    return names_a_time(name) and plausible_epoch(values)


def devices_in_names(names: Sequence[str], pins: Pins) -> str:
    """Why the columns are devices and not channels; nothing where they are not."""
    if pins.shape == "devices":
        return "as shape says"
    if pins.shape is not None or len(names) < 2:
        return ""
    if all(re.search(r"\{.*\}", name) for name in names):
        return "the columns' names say labels"
    parts = [split_name(name) for name in names]
    by_device: dict[str, set[str]] = defaultdict(set)
    for device, channel in parts:
        by_device[device].add(channel)
    channels = next(iter(by_device.values()))
    machines = all(words(device) & _MACHINES for device in by_device)
    if machines and len(by_device) > 1 and all(own == channels for own in by_device.values()):
        return "each column's name is of a device and of a channel that all devices have"
    numbered = [re.fullmatch(r"([A-Za-z]+)(?:[ _-]?\d+|[ _-][A-Za-z])", name.strip()) for name in names]
    stems = {found[1].lower() for found in numbered if found}
    if all(numbered) and len(stems) == 1 and stems <= _MACHINES:
        return f"the columns are called {names[0]}, {names[1]} and so on"
    return ""


def split_name(name: str) -> tuple[str, str]:
    """The device and the channel in a column's name.

    >>> split_name("pump_1.flow"), split_name('temp {room="hall"}'), split_name("pump_1 flow"), split_name("flow")
    (('pump_1', 'flow'), ('hall', 'temp'), ('pump_1', 'flow'), ('', 'flow'))
    """
    labelled = re.fullmatch(r"\s*([^{}]*?)\s*\{(.*)\}\s*", name)
    if labelled:
        labels = re.findall(r'=\s*"?([^",]+)"?', labelled[2])
        return " ".join(labels) or labelled[2], labelled[1] or "value"
    for separator in (".", "/", ":", " - ", " ", "_", "-"):
        device, found, channel = name.rpartition(separator)
        if found and device and channel and not channel.isdigit():
            return device.strip(), channel.strip()
    return "", name
