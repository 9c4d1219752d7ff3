"""The simulated fleet: devices with labelled faults, as many as you like, each reading once an interval.

Every value is a function of the seed, the device, the tick and the time the fleet began at: there is no state but
the place in the stream. It goes tick by tick, within a tick device by device, each a little later than the one
before: a device reads at ``start + tick * interval + number * interval // devices``.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from flead.columns import Batch, Chunk, Devices
from flead.ingest import faults, sensors
from flead.ingest.chance import draw, normal, uniform, wander
from flead.ingest.errors import SourceError
from flead.ingest.faults import PROBABILITY, find_fault
from flead.records import to_milliseconds

START = to_milliseconds("2025-01-01T00:00:00Z")
INTERVAL = 1000

_DRIFT_TICKS = 3600
# What a device's random numbers are for: of one that changes with time, the low bits of its counter.
_PHASE, _SHIFT, _FAULT, _DRIFT, _COMMON = 0, 1, 2, 3, 4
_CONSTANT, _NOISE, _BURST = 8, 16, 24  # one a channel
_PURPOSES = 32


class SimulatedSource:
    """``devices`` devices named ``device_0`` on, of ten kinds in turn; it never ends.

    ``start`` is the event time of the first tick and ``interval`` the time from tick to tick, in milliseconds.
    ``faults=False``: the same devices without any fault.
    Memory: 4 bytes a device.
    """

    def __init__(
        self, devices: int, seed: int = 0, start: int = START, interval: int = INTERVAL, *, faults: bool = True
    ) -> None:
        self.name = "sim"
        self._devices = devices
        self._seed = seed
        self._start = start
        self._interval = interval
        self._probability = PROBABILITY if faults else 0.0
        self._began = start
        self._next = 0  # readings given
        self._width = sensors.WIDTH
        self._rows = np.empty(0, dtype=np.int32)

    def open(self, devices: Devices, position: dict[str, int] | None) -> None:
        """Go on at ``position``, or at the first tick from ``start`` on if that is later.

        So a fleet that is played live has a gap where nobody watched it. Raises :class:`SourceError` if devices of
        these names are known with other channels.
        """
        self._began, self._next = self._start, 0
        if position is not None:
            self._began = position["start"]
            reached = position["tick"] * self._devices + min(position["offset"], self._devices)
            passed = -((self._began - self._start) // self._interval)
            self._next = max(reached, passed * self._devices)
        self._rows = np.empty(self._devices, dtype=np.int32)
        for number, names in enumerate(sensors.NAMES):
            ids = [f"device_{device}" for device in range(number, self._devices, len(sensors.NAMES))]
            rows = devices.add(ids, names)
            for kind in np.unique(devices.kind[rows]).tolist():
                if devices.kinds[kind][: len(names)] != names:
                    raise SourceError(
                        f"{self.name}: {ids[0]} is known with other channels ({', '.join(devices.kinds[kind])}); "
                        "start afresh with --fresh"
                    )
            self._rows[number :: len(sensors.NAMES)] = rows
        self._width = devices.width

    def next_batch(self, limit: int, until: int | None) -> Chunk:
        """The next readings; none is ever rejected."""
        due = limit if until is None else self._due(until) - self._next
        count = max(0, min(limit, due))
        batch = Batch(
            np.empty(count, np.int32),
            np.empty(count, np.int64),
            np.empty((count, self._width)),
            np.empty(count, np.int8),
        )
        fill(
            np.uint64(self._seed % 2**64),
            self._began,
            self._interval,
            self._probability,
            self._next,
            self._rows,
            _WIDTHS,
            _PERIODS,
            _PARAMETERS,
            *batch,
        )
        self._next += count
        return Chunk(batch, [])

    def start_time(self) -> int:
        """When the next reading is due."""
        tick, offset = divmod(self._next, self._devices)
        return self._began + tick * self._interval + offset * self._interval // self._devices

    def snapshot(self) -> dict[str, int]:
        """When the fleet began, the tick and how many of its devices have read."""
        tick, offset = divmod(self._next, self._devices)
        return {"start": self._began, "tick": tick, "offset": offset}

    def total(self) -> None:
        """It has no end."""

    def close(self) -> None:
        """Nothing is open."""

    def _due(self, until: int) -> int:
        """How many readings of all have event times up to ``until``."""
        if until < self._began:
            return 0
        tick, rest = divmod(until - self._began, self._interval)
        return tick * self._devices + ((rest + 1) * self._devices - 1) // self._interval + 1


_WIDTHS = np.array([len(names) for names in sensors.NAMES])
_PERIODS = np.array([kind.period for kind in sensors.KINDS])
_PARAMETERS = sensors.parameters()


@njit(types.float64(types.float64), cache=True, nogil=True, inline="always")
def cycle(turns: float) -> float:
    """The sine of so many turns, to 0.0011: a parabola, corrected towards the sine. A day needs no better."""
    x = 2.0 * (turns - math.floor(turns)) - 1.0
    wave = -4.0 * x * (1.0 - abs(x))
    return wave + 0.225 * (wave * abs(wave) - wave)


@njit(
    types.void(
        types.uint64,
        types.int64,
        types.int64,
        types.float64,
        types.int64,
        types.int32[::1],
        types.int64[::1],
        types.float64[::1],
        types.float64[:, :, ::1],
        types.int32[::1],
        types.int64[::1],
        types.float64[:, ::1],
        types.int8[::1],
    ),
    cache=True,
    nogil=True,
)
def fill(
    seed: np.uint64,
    began: int,
    interval: int,
    probability: float,
    first: int,
    device_rows: NDArray[np.int32],
    widths: NDArray[np.int64],
    periods: NDArray[np.float64],
    parameters: NDArray[np.float64],
    rows: NDArray[np.int32],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    labels: NDArray[np.int8],
) -> None:
    """Readings ``first`` to ``first + N`` into the columns of a batch of N, of the table's width or more.

    Of the D devices ``device_rows`` (D,) are their rows in the shard; of the K kinds ``widths`` (K,) says how many
    channels they have, ``periods`` (K,) how many seconds their cycles take, ``parameters`` (K, C, 12) the rest.
    """
    devices = len(device_rows)
    seed_key = draw(seed, 0)
    tick, device = first // devices, first % devices
    kind = device % len(widths)
    for i in range(len(rows)):
        key = draw(seed_key, device)
        later = began + device * interval // devices
        rows[i] = device_rows[device]
        times[i] = later + tick * interval

        # Segments of faults begin at another tick on every device.
        shift = np.int64(draw(key, _SHIFT) % np.uint64(faults.SEGMENT))
        fault, since, size, choice = find_fault(draw(key, _FAULT), tick + shift, probability)
        labels[i] = fault != faults.NONE
        # To a sensor that is stuck, time stands still.
        seen = since - shift if fault == faults.STUCK else tick
        seconds = (later + seen * interval) * 1e-3
        wave = cycle(seconds / periods[kind] + uniform(draw(key, _PHASE)))
        slow = wander(draw(key, _DRIFT), seen, _DRIFT_TICKS)
        common = normal(draw(key, seen * _PURPOSES + _COMMON)) if widths[kind] > 1 else 0.0
        faulty = np.int64(choice * widths[kind])
        for channel in range(widths[kind]):
            p = parameters[kind, channel]
            own = normal(draw(key, seen * _PURPOSES + _NOISE + channel))
            value = p[sensors.BASE] * (1.0 + p[sensors.SPREAD] * (2.0 * uniform(draw(key, _CONSTANT + channel)) - 1.0))
            value += p[sensors.SLOPE] * (seconds - began * 1e-3)
            value += p[sensors.CYCLE] * wave + p[sensors.DRIFT] * slow
            value += p[sensors.COMMON] * common + p[sensors.OWN] * own
            if p[sensors.PRODUCT] != 0.0:
                value += p[sensors.PRODUCT] * values[i, channel - 2] * values[i, channel - 1]
            if channel == faulty:
                if fault == faults.NOISE_BURST:
                    value += size * p[sensors.SHOWN] * normal(draw(key, seen * _PURPOSES + _BURST + channel))
                else:
                    value += size * p[sensors.SHOWN]
            value = min(max(value, p[sensors.LOW]), p[sensors.HIGH])
            value = np.rint(value * p[sensors.PER_UNIT]) / p[sensors.PER_UNIT] + 0.0
            values[i, channel] = 0.0 if fault == faults.DROPOUT else value
        for channel in range(widths[kind], values.shape[1]):
            values[i, channel] = np.nan

        device += 1
        kind = kind + 1 if kind + 1 < len(widths) else 0
        if device == devices:
            tick, device, kind = tick + 1, 0, 0
