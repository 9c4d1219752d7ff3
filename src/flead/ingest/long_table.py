"""A long table, a row a value, to recordings: rows of one device and one time are one reading."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.assembly import NO_VALUE, Assembly, Values, groups, take
from flead.ingest.cells import BAD_TIME
from flead.ingest.recognise.pins import Pins
from flead.ingest.recorded import Recording
from flead.records import DEFAULT_CHANNEL


def of_long(
    assembly: Assembly, said: Values, whose: NDArray[np.int64], devices: list[str], metrics: pl.Series
) -> list[Recording]:
    """The recordings of a part; ``whose`` (K,) is an index into the devices, ``metrics`` (K,) names the channels."""
    report, wanted_channel = assembly.report, assembly.pins.channel
    metrics = metrics.cast(pl.String).str.strip_chars().fill_null(DEFAULT_CHANNEL)
    known = metrics.unique(maintain_order=True).to_list()
    what = metrics.replace_strict(known, list(range(len(known))), return_dtype=pl.Int64).to_numpy()
    value = said.values[:, 0] if said.channels else np.full(len(what), np.nan)
    wanted = np.ones(len(what), np.bool_)
    if wanted_channel in known:
        wanted = what == known.index(wanted_channel)
        report.other += int((~wanted).sum())
    for code, at in groups(np.where(wanted, whose * len(known) + what, -1)):
        if code < 0:
            continue
        device, channel = devices[code // len(known)], known[code % len(known)]
        if assembly.leave_wordy(take(said, at), f"{device} {channel}"):
            wanted[at] = False
            continue
        own = value[at]
        assembly.clean(own, channel, device)
        value[at] = own
    bad_time = said.times == BAD_TIME
    bad = (bad_time | np.isnan(value)) & wanted
    assembly.refuse(said.places[bad], bad_time[bad], NO_VALUE)
    kept = np.flatnonzero(~bad & wanted)
    reading, first = join_rows(whose[kept], said.times[kept], what[kept])
    report.joined += len(kept) - len(first)
    joined = np.full((len(first), len(known)), np.nan)
    joined[reading, what[kept]] = value[kept]
    first = kept[first]
    together = Values(
        said.places[first], said.times[first], said.labels[first], tuple(known), joined, said.wordy[first]
    )
    # Its values are clean: they were judged series by series.
    clean = Assembly(assembly.part, Pins(sentinels=False), report, assembly.reasons)
    found = [clean.recording(take(together, at), devices[number]) for number, at in groups(whose[first])]
    return [recording for recording in found if recording is not None]


def join_rows(
    whose: NDArray[np.int64], times: NDArray[np.int64], what: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which reading every row (N,) belongs to, and the first row of every reading, in rising order.

    Rows of one device and one time are one reading; of a channel that comes twice, the second one is of another.

    >>> join_rows(np.array([0, 0, 1, 0]), np.array([5, 5, 5, 5]), np.array([0, 1, 0, 0]))
    (array([0, 0, 1, 2]), array([0, 2, 3]))
    """
    count = len(times)
    order = np.lexsort((np.arange(count), what, times, whose))
    again = (np.diff(whose[order]) == 0) & (np.diff(times[order]) == 0) & (np.diff(what[order]) == 0)
    places = np.arange(1, count)
    same = np.zeros(count, np.int64)  # how often the same was said before
    same[order[1:]] = np.where(again, places - np.maximum.accumulate(np.where(again, 0, places)), 0)
    order = np.lexsort((np.arange(count), same, times, whose))
    new = np.ones(count, np.bool_)
    new[1:] = (np.diff(whose[order]) != 0) | (np.diff(times[order]) != 0) | (np.diff(same[order]) != 0)
    group = np.empty(count, np.int64)
    group[order] = np.cumsum(new) - 1
    first = order[new]
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[group], np.sort(first)
