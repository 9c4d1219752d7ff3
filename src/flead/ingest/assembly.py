"""The rows of one file on their way to recordings, and the account of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.ingest.cells import BAD_TIME
from flead.ingest.recognise.pins import Pins
from flead.ingest.recognise.sentinels import find_sentinels
from flead.ingest.recognise.understanding import FileReport, tally
from flead.ingest.recorded import Recording

NO_TIME, NO_VALUE, NO_NUMBERS = "no time", "no value in any channel", "the file has no column of numbers"
LIMITS, SENTINEL = "outside its limits", "a value by which the sensor says that it has none"


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
    """What K rows say."""

    places: NDArray[np.int64]  # (K,) which rows of the file they are
    times: NDArray[np.int64]  # (K,)
    labels: NDArray[np.int8]  # (K,)
    channels: tuple[str, ...]
    values: NDArray[np.float64]  # (K, C)
    wordy: NDArray[np.bool_]  # (K,) there are words in the place of numbers, other than for no value


@dataclass
class Assembly:
    """What becomes of a file's rows."""

    part: Part
    pins: Pins
    report: FileReport
    reasons: list[tuple[int, str]] = field(default_factory=list)
    """Places of rows that are no readings, and why."""

    def clean(self, values: NDArray[np.float64], channel: str, device: str) -> None:
        """Take out, in place, what a channel (N,) cannot have measured."""
        report = self.report
        if channel in self.pins.limits:
            low, high = self.pins.limits[channel]
            outside = (values < low) | (values > high)
            if outside.any():
                examples = [f"{value:g}" for value in values[outside][:3].tolist()]
                tally(report.absent, LIMITS, channel, int(outside.sum()), examples)
                values[outside] = np.nan
        if self.pins.sentinels:
            for sentinel in find_sentinels(values):
                says = values == sentinel
                tally(report.absent, SENTINEL, channel, int(says.sum()), [f"{sentinel:g}"])
                values[says] = np.nan
                faulty = report.faults.setdefault(device, [])
                if channel not in faulty:
                    faulty.append(channel)

    def refuse(self, places: NDArray[np.int64], without_time: NDArray[np.bool_], why: str) -> None:
        """Reject the rows at these places: for want of a time, or for this reason."""
        for at, reason in ((places[without_time], NO_TIME), (places[~without_time], why)):
            if len(at):
                self.reasons += [(place, reason) for place in at.tolist()]
                tally(self.report.rejected, reason, "", len(at), [])

    def recording(self, said: Values, device: str) -> Recording | None:
        """The recording of a device that says this; None if nothing of it is left. ``said.values`` is changed."""
        values = said.values
        for column, channel in enumerate(said.channels):
            self.clean(values[:, column], channel, device)
        bad_time = said.times == BAD_TIME
        bad = bad_time | np.isnan(values).all(axis=1)
        self.refuse(said.places[bad], bad_time[bad], NO_VALUE)
        used = ~np.isnan(values).all(axis=0) if len(values) else np.zeros(len(said.channels), np.bool_)
        values = np.ascontiguousarray(values[~bad][:, used])
        if not len(values):
            return None
        self.report.readings += len(values)
        if device not in self.report.devices:
            self.report.devices.append(device)
        channels = tuple(name for name, is_used in zip(said.channels, used.tolist(), strict=True) if is_used)
        return Recording(
            device, channels, said.times[~bad], values, said.labels[~bad], {}, f"{self.part.name} {device}"
        )

    def leave_wordy(self, said: Values, name: str) -> bool:
        """Whether these rows, a series of a long table, hold words only: they are of no channel then."""
        if not len(said.times) or not said.wordy.all() or not np.isnan(said.values).all():
            return False
        self.report.wordy.append(name)
        self.report.other += len(said.times)
        return True


def take(said: Values, at: NDArray[np.int64]) -> Values:
    """The rows at these positions, as copies."""
    return said._replace(
        places=said.places[at],
        times=said.times[at],
        labels=said.labels[at],
        values=said.values[at],
        wordy=said.wordy[at],
    )


def groups(codes: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Every code that occurs in (N,), rising, and where it does."""
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for at in np.split(order, bounds):
        if len(at):
            yield int(codes[at[0]]), at
