"""Which column holds the times: by its name where one tells, else by its cells, and never by accident."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME, strip
from flead.ingest.errors import SourceError
from flead.ingest.recognise import zones
from flead.ingest.recognise.date_parts import date_parts, join_date_parts
from flead.ingest.recognise.epochs import plausible_epoch
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.times import Times, read_times
from flead.vocabulary import TIME_WORDS, TIMES, plain, words

_SAMPLE = 300
_CLOCK = r"^\d{1,2}[:.h]\d{2}([:.]\d{2}([.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?$"
_COMPACT_CLOCK = r"^([01]\d|2[0-3])[0-5]\d([0-5]\d)?$"
_UNDATED = frozenset({"timestamp", "time", "_time", "ts", "elapsed", "elapsedtime", "seconds", "millis", "runtime"})
"""Columns of these names may hold times that only count from some moment on."""


class TimeColumn(NamedTuple):
    """The times of K rows."""

    columns: tuple[str, ...]
    """One, or that of the dates and that of the times of day."""
    times: NDArray[np.int64]  # (K,) UTC, or BAD_TIME
    form: str
    reason: str
    zone: str
    """What zone the times are read in, for a person."""
    zone_reason: str
    dated: bool
    undecided: bool
    warnings: tuple[str, ...]
    pin: str = ""
    """The ``time_format`` that says the same."""


def find_times(
    cells: pl.DataFrame, empty: set[str], nameless: set[str], files: NDArray[np.int64], pins: Pins
) -> TimeColumn | None:
    """The column of times; None if there is none. SourceError for a ``time_column`` that does not exist."""
    names = [name for name in cells.columns if name not in empty and name not in pins.ignored and name != pins.label]
    if pins.time_column is not None:
        chosen, reason = _pinned(cells, pins.time_column), "as time_column says"
    else:
        chosen, reason = _choose(cells, names, nameless, pins)
    if not chosen:
        return None
    found = read_times(_joined(cells, chosen), pins, chosen[0])
    return _in_zone(found, chosen, reason, files, pins)


def _pinned(cells: pl.DataFrame, wanted: str) -> tuple[str, ...]:
    columns = (wanted,) if wanted in cells.columns else tuple(part.strip() for part in wanted.split("+"))
    for column in columns:
        if column not in cells.columns:
            raise SourceError(
                f"time_column = {wanted!r}: there is no column {column!r}; there are {', '.join(cells.columns)}"
            )
    return columns


def _choose(cells: pl.DataFrame, names: list[str], nameless: set[str], pins: Pins) -> tuple[tuple[str, ...], str]:
    undated: tuple[str, ...] = ()
    for name in _by_name(names, nameless):
        sample = _sample(cells[name])
        found = read_times(sample, pins, name)
        if found.share < 0.5:
            continue
        if not found.dated:
            if not undated and plain(name) in _UNDATED:
                undated = (name,)
            continue
        return _with_clock(cells, name, names, found), "by its name"
    for name in names:
        if cells[name].dtype.is_numeric():
            continue
        sample = _sample(cells[name])
        texts = sample.cast(pl.Float64, strict=False).is_null() if sample.dtype == pl.String else None
        if sample.dtype.is_temporal() or (texts is not None and texts.all() and len(sample)):
            found = read_times(sample, pins)
            if found.share >= 0.9 and found.dated:
                return _with_clock(cells, name, names, found), "its cells are times"
    parts = date_parts(names)
    if parts:
        return parts, "year, month and day have columns of their own"
    if undated:
        return undated, "by its name"
    if names and names[0] in nameless:
        values = cells[names[0]].cast(pl.Float64, strict=False).to_numpy()
        if plausible_epoch(values):
            return (names[0],), "its numbers rise, and are times of 2001 to 2100"
    return (), ""


def _by_name(names: list[str], nameless: set[str]) -> list[str]:
    """The columns that are called like times, the best first."""
    named = [name for name in names if name not in nameless]
    ranked = {name: TIMES.index(plain(name)) for name in named if plain(name) in TIMES}
    more = [name for name in named if name not in ranked and words(name) & TIME_WORDS]
    return sorted(ranked, key=lambda name: ranked[name]) + more


def _with_clock(cells: pl.DataFrame, date: str, names: list[str], found: Times) -> tuple[str, ...]:
    """A column of dates goes with one of times of day."""
    if "hh" in found.form or cells[date].dtype not in (pl.String, pl.Date) or "since" in found.form:
        return (date,)
    for name in names:
        if name == date:
            continue
        if cells[name].dtype == pl.Time:
            return date, name
        if cells[name].dtype == pl.String:
            sample = _sample(cells[name])
            if len(sample) and _share(sample, _CLOCK) > 0.8:
                return date, name
            compact = _share(sample, _COMPACT_CLOCK) == 1
            if len(sample) and compact and words(name) & TIME_WORDS:
                return date, name
    return (date,)


def _share(cells: pl.Series, pattern: str) -> float:
    return int(cells.str.contains(pattern).sum()) / max(1, len(cells))


def _sample(cells: pl.Series) -> pl.Series:
    if cells.dtype == pl.String:
        return strip(cells.head(4 * _SAMPLE)).drop_nulls().head(_SAMPLE)
    return cells.drop_nulls().head(_SAMPLE)


def _joined(cells: pl.DataFrame, columns: tuple[str, ...]) -> pl.Series:
    if len(columns) == 1:
        return cells[columns[0]]
    if len(columns) > 2:
        return join_date_parts(cells, columns)
    date, clock = (strip(cells[name].cast(pl.String)) for name in columns)
    return date + " " + clock


def _in_zone(found: Times, columns: tuple[str, ...], reason: str, files: NDArray[np.int64], pins: Pins) -> TimeColumn:
    times = found.times
    local = found.local & (times != BAD_TIME)
    warnings: list[str] = []
    zone, zone_reason = "UTC", "the times say so"
    if local.any():
        minutes = zones.zone_in(columns[0])
        if pins.time_zone is None and minutes is not None:
            times = np.where(local, times - 60_000 * minutes, times)
            zone, zone_reason = f"UTC{minutes // 60:+03d}:{minutes % 60:02d}", "the column's name says so"
        elif pins.time_zone is None or pins.time_zone == "UTC":
            zone_reason = "the times say no offset" if pins.time_zone is None else "as time_zone says"
            back = zones.steps_back(times[local], files[local]) if pins.time_zone is None else None
            if back is not None:
                moment = np.datetime64(back, "ms").astype("datetime64[s]")
                warnings.append(
                    f"the times step back by up to an hour at {moment}, as local times do when clocks are set back:"
                    ' say the zone, as time_zone = "Europe/Berlin"'
                )
        else:
            times = times.copy()
            at = np.flatnonzero(local)
            times[at] = zones.to_utc(times[at], pins.time_zone, files[at])
            zone, zone_reason = pins.time_zone, "as time_zone says"
    if not found.dated:
        warnings.append(
            f"{columns[0]} has no dates, only numbers that count from some moment on: readings are shown from 1970 on"
        )
    if found.undecided:
        warnings.append(
            f"{columns[0]}: both day first and month first fit all dates: say it, as"
            ' time_format = "day-first" or "month-first"'
        )
        times = np.full(len(times), BAD_TIME, np.int64)
    why = f"{reason}; {found.reason}" if found.reason else reason
    return TimeColumn(
        columns,
        times,
        found.form,
        why,
        zone,
        zone_reason,
        found.dated,
        found.undecided,
        tuple(warnings),
        found.pin,
    )
