"""Frames of polars, pandas or pyarrow to columns of readings, and back: by narwhals, without an object a reading."""

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from flead.columns import Channels
from flead.errors import FleadError
from flead.records import LARGEST, LONGEST_NAME, MOST_CHANNELS, NO_LABEL, to_milliseconds, to_text

TimeUnit = Literal["s", "ms", "us", "ns"]
MILLISECONDS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}

DEVICE, TIME, LABEL = "device_id", "timestamp", "label"
"""The columns that are looked for where the user names none: the fields of a reading."""

SCORE, ANOMALY = "score", "anomaly"
"""The columns that a scored frame has more."""

ALONE = "device"
"""The device of readings that come without a name."""

FIRST_TIME = to_milliseconds("0001-01-01T00:00:00")
LAST_TIME = to_milliseconds("9999-12-31T23:59:59.999")

Backend = Literal["polars", "pandas", "pyarrow"]
BACKENDS: tuple[Backend, ...] = ("polars", "pandas", "pyarrow")


class Roles(NamedTuple):
    """What the columns of a frame are; None: as they are called, see the constants above."""

    device: str | None = None
    time: str | None = None
    label: str | None = None
    channels: Channels | None = None
    time_unit: TimeUnit | None = None
    """Of numbers in the column of times, since the epoch."""


class Readings(NamedTuple):
    """N readings in the frame's order, those without any value among them."""

    names: list[str]  # the devices, in the order in which they appear
    devices: NDArray[np.int32]  # (N,) positions in ``names``
    times: NDArray[np.int64] | None  # (N,) milliseconds since the epoch; None: the readings have none
    channels: Channels
    values: NDArray[np.float64]  # (N, C), NaN where a reading says nothing of a channel
    labels: NDArray[np.int8]  # (N,)

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Readings":
        """The readings at these positions, or where it is true."""
        return self._replace(
            devices=self.devices[which],
            times=None if self.times is None else self.times[which],
            values=self.values[which],
            labels=self.labels[which],
        )


class Frame:
    """A user's frame. FleadError where it is none, or where a column is not what it should be."""

    def __init__(self, native: Any, roles: Roles) -> None:
        try:
            self.frame: nw.DataFrame[Any] = nw.from_native(native, eager_only=True)
        except TypeError:
            lazy = ": collect() a lazy frame first" if hasattr(native, "collect") else ""
            kind = f"{type(native).__module__.partition('.')[0]}.{type(native).__name__}"
            raise FleadError(f"a frame of polars, pandas or pyarrow is needed, not {kind}{lazy}") from None
        except nw.exceptions.DuplicateError as error:
            raise FleadError(f"several columns of the frame are called alike: {' '.join(str(error).split())}") from None
        odd = [name for name in self.frame.columns if not isinstance(name, str) or not name]
        if odd:
            raise FleadError(f"a column of the frame is called {odd[0]!r}: give it a name")
        self.roles = roles
        self.backend = self.frame.implementation.value

    def readings(self) -> Readings:
        """The frame's columns as readings."""
        device = self._column(self.roles.device, DEVICE, "device")
        time = self._column(self.roles.time, TIME, "time")
        label = self._column(self.roles.label, LABEL, "label")
        channels = self._channels({device, time, label})
        count = len(self.frame)
        names, devices = ([ALONE], np.zeros(count, np.int32)) if device is None else self._devices(device)
        values = np.empty((count, len(channels)))
        for position, channel in enumerate(channels):
            values[:, position] = self._values(channel)
        return Readings(
            names,
            devices,
            None if time is None else self._times(time),
            channels,
            values,
            np.full(count, NO_LABEL, np.int8) if label is None else self._labels(label),
        )

    def with_scores(self, score: NDArray[np.float64], anomalous: NDArray[np.bool_]) -> Any:
        """The user's frame with two columns more: the score (NaN where a row has no value), and whether it is high."""
        columns = {SCORE: score, ANOMALY: anomalous}
        if self.backend == "pandas":  # whose index narwhals would go through label by label
            return self.frame.to_native().assign(**columns)
        return self.frame.with_columns(
            nw.new_series(name, column, backend=self.frame.implementation) for name, column in columns.items()
        ).to_native()

    def _column(self, named: str | None, usual: str, role: str) -> str | None:
        """The column that has this role, None if none has."""
        if named is None:
            return usual if usual in self.frame.columns else None
        if named not in self.frame.columns:
            index = ", or reset_index() if it is the index" if self.backend == "pandas" else ""
            there = ", ".join(self.frame.columns) or "none"
            raise FleadError(f"the frame has no column {named!r} for {role}=; it has {there}{index}")
        return named

    def _channels(self, others: set[str | None]) -> Channels:
        taken = [name for name in (SCORE, ANOMALY) if name in self.frame.columns]
        if taken:
            raise FleadError(f"the frame has a column {taken[0]!r} already, where the result goes: drop or rename it")
        named = self.roles.channels
        channels = tuple(name for name in self.frame.columns if name not in others) if named is None else named
        missing = [name for name in channels if name not in self.frame.columns]
        if missing:
            raise FleadError(f"the frame has no column {missing[0]!r}, which channels= names")
        if not 0 < len(channels) <= MOST_CHANNELS:
            raise FleadError(f"a frame has 1 to {MOST_CHANNELS} channels, not {len(channels)}: name them by channels=")
        for name in channels:
            dtype = self.frame.schema[name]
            if not dtype.is_numeric():
                raise FleadError(
                    f"column {name!r} is of type {dtype}, and a channel is of numbers: convert it, or name the "
                    "columns to look at by channels="
                )
        return channels

    def _devices(self, name: str) -> tuple[list[str], NDArray[np.int32]]:
        """The distinct names in order of appearance, and every row's position among them."""
        column = self.frame[name]
        self._refuse_nulls(column)
        distinct = column.unique(maintain_order=True).to_list()
        names = [str(each) for each in distinct]
        check_names(names)
        if not names:
            return [], np.zeros(0, np.int32)
        codes = column.replace_strict(distinct, list(range(len(distinct))), return_dtype=nw.Int32)
        return names, codes.to_numpy().astype(np.int32, copy=False)

    def _times(self, name: str) -> NDArray[np.int64]:
        column, unit = self.frame[name], self.roles.time_unit
        self._refuse_nulls(column)
        dtype = column.dtype
        if dtype.is_numeric():
            if unit is None:
                raise FleadError(
                    f"column {name!r} holds numbers ({dtype}): say by time_unit= whether they are s, ms, us or ns "
                    "since the epoch"
                )
            if unit not in MILLISECONDS:
                raise FleadError(f"time_unit={unit!r}: it is s, ms, us or ns")
            numbers = column.to_numpy()
            if unit == "ms" and numbers.dtype.kind in "iu":
                times = numbers.astype(np.int64)
            else:
                exact = numbers.astype(np.float64) * MILLISECONDS[unit]
                within = np.abs(np.nan_to_num(exact, nan=np.inf)) <= -FIRST_TIME * 10
                times = np.where(within, np.rint(np.where(within, exact, 0)), LAST_TIME + 1).astype(np.int64)
        elif isinstance(dtype, nw.Datetime):
            times = column.dt.timestamp("ms").to_numpy().astype(np.int64)
        elif isinstance(dtype, nw.Date):
            times = column.cast(nw.Datetime("ms")).dt.timestamp("ms").to_numpy().astype(np.int64)
        else:
            convert = {
                "polars": f'frame.with_columns(pl.col("{name}").str.to_datetime())',
                "pandas": f'frame["{name}"] = pd.to_datetime(frame["{name}"])',
            }.get(self.backend, "cast it to a timestamp")
            raise FleadError(f"column {name!r} is of type {dtype}, and not of times: {convert}")
        outside = np.flatnonzero((times < FIRST_TIME) | (times > LAST_TIME))
        if len(outside):
            raise FleadError(
                f"column {name!r}, row {outside[0]}: {column[int(outside[0])]} is outside the years 1 to 9999"
                + (f"; is time_unit={unit!r} right?" if unit else "")
            )
        return times

    def _values(self, name: str) -> NDArray[np.float64]:
        values: NDArray[np.float64] = self.frame[name].cast(nw.Float64).to_numpy()
        unfit = np.flatnonzero(np.abs(values) > LARGEST)
        if len(unfit):
            raise FleadError(
                f"column {name!r}, row {unfit[0]}: {values[unfit[0]]} is no measurement; make it null if there was none"
            )
        return values

    def _labels(self, name: str) -> NDArray[np.int8]:
        column = self.frame[name]
        if column.dtype.is_numeric() or isinstance(column.dtype, nw.Boolean):
            numbers = column.cast(nw.Float64).to_numpy()
            known = ~np.isnan(numbers)
            if np.isin(numbers[known], (0.0, 1.0)).all():
                return np.where(known, np.nan_to_num(numbers), NO_LABEL).astype(np.int8)
        raise FleadError(f"column {name!r} is no ground truth, which is 0, 1 or null: name another by label=")

    def _refuse_nulls(self, column: nw.Series[Any]) -> None:
        missing = np.flatnonzero(column.is_null().to_numpy())
        if len(missing):
            raise FleadError(f"column {column.name!r}, row {missing[0]}: it is empty; fill it or drop the row")


def check_names(devices: Sequence[str]) -> None:
    """FleadError for what no device can be called."""
    for name in devices:
        if not name or len(name.encode()) > LONGEST_NAME or not name.isprintable():
            raise FleadError(f"{name!r} is no name of a device, which has 1 to {LONGEST_NAME} bytes and is printable")
    if len(set(devices)) < len(devices):
        raise FleadError("the names of devices differ in their type only: write all of them as text")


def check_order(times: NDArray[np.int64], newest: int) -> None:
    """FleadError if any of these (N,) is earlier than one before it, or than ``newest``."""
    before = np.concatenate([[newest], times[:-1]])
    back = np.flatnonzero(times < before)
    if len(back):
        row = int(back[0])
        raise FleadError(
            f"row {row} is of {to_text(int(times[row]))}, after one of {to_text(int(before[row]))}: sort the frame by "
            "time, or let late readings pass by Detector(ordered=False)"
        )


def array_readings(samples: Any) -> Readings:
    """An array of N samples by C features, or whatever numpy makes one of, as the readings of one device."""
    try:
        values = np.array(samples, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise FleadError(f"neither a frame nor an array of numbers: {error}") from None
    if values.ndim != 2 or not 0 < values.shape[1] <= MOST_CHANNELS:
        raise FleadError(f"an array is of samples by 1 to {MOST_CHANNELS} features, not of shape {values.shape}")
    unfit = np.argwhere(np.abs(values) > LARGEST)
    if len(unfit):
        raise FleadError(f"sample {unfit[0, 0]}, feature {unfit[0, 1]}: {values[tuple(unfit[0])]} is no measurement")
    count, width = values.shape
    channels = tuple(f"x{number}" for number in range(width))
    return Readings([ALONE], np.zeros(count, np.int32), None, channels, values, np.full(count, NO_LABEL, np.int8))


def new_frame(columns: Mapping[str, Any], backend: str | None, absent: Sequence[str] = ()) -> Any:
    """A frame of polars, pandas or pyarrow; None: of the first of them that is installed.

    In the columns ``absent`` NaN says that there is no value. Columns of datetime64 become UTC times.
    """
    found = _backend(backend)
    frame = nw.from_dict(dict(columns), backend=found)
    times = [name for name, column in columns.items() if isinstance(column, np.ndarray) and column.dtype.kind == "M"]
    frame = frame.with_columns(nw.col(name).dt.replace_time_zone("UTC") for name in times)
    return frame.with_columns(nw.col(name).fill_nan(None) for name in absent).to_native()


def moments(milliseconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Milliseconds since the epoch as times, for :func:`new_frame`."""
    return milliseconds.astype("datetime64[ms]")


def _backend(wanted: str | None) -> Backend:
    for name in BACKENDS:
        if wanted in (name, None) and importlib.util.find_spec(name):
            return name
    if wanted not in (*BACKENDS, None):
        raise FleadError(f"no frames of {wanted!r}: there are {', '.join(BACKENDS)}")
    missing = wanted or BACKENDS[0]
    raise FleadError(f"{missing} is not installed, and frames are of {missing}: pip install {missing}")
