"""The simulated fleet: any number of devices with labelled faults, each reading once an interval.

Every value is a function of the seed, the device, the tick and the time the fleet began at: there is no state but
the place in the stream. It goes tick by tick, within a tick device by device, each a little later than the one
before: a device reads at ``start + tick * interval + number * interval // devices``.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit, types

from flead.columns import Batch, Chunk, Devices
from flead.ingest import faults, sensors
from flead.ingest.chance import draw, normal, uniform, wander
from flead.ingest.errors import SourceError
from flead.ingest.faults import find_fault, probability
from flead.ingest.mishaps import MAINTENANCE_NOISE, is_absent, is_maintained, milliseconds_ahead
from flead.learning.kernels import Float64x1, Float64x2, Float64x3, Int8x1, Int32x1, Int64x1, UInt64, kernel
from flead.records import NO_LABEL, to_milliseconds
from flead.settings.readings import Faults

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
    With ``faults="rare"`` devices also suffer what :mod:`flead.ingest.mishaps` has.
    Memory: 4 bytes a device.
    """

    def __init__(
        self, devices: int, seed: int = 0, start: int = START, interval: int = INTERVAL, *, faults: Faults = "dense"
    ) -> None:
        self.name = "sim"
        self._devices = devices
        self._seed = seed
        self._start = start
        self._interval = interval
        self._probability = probability(faults, interval)
        self._mishaps = faults == "rare"
        self._began = start
        self._next = 0  # moments passed at which one of the devices reads, if nothing keeps it from it
        self._width = sensors.WIDTH

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
        rows_of_all = np.empty(self._devices, dtype=np.int32)
        for number, names in enumerate(sensors.NAMES):
            ids = [f"device_{device}" for device in range(number, self._devices, len(sensors.NAMES))]
            rows = devices.add(ids, names)
            for kind in np.unique(devices.kind[rows]).tolist():
                if devices.kinds[kind][: len(names)] != names:
                    raise SourceError(
                        f"{self.name}: {ids[0]} is known with other channels ({', '.join(devices.kinds[kind])}); "
                        "start afresh with --fresh"
                    )
            rows_of_all[number :: len(sensors.NAMES)] = rows
        self._width = devices.width
        self._fleet = Fleet(
            np.uint64(self._seed % 2**64),
            self._began,
            self._interval,
            self._probability,
            self._mishaps,
            rows_of_all,
            np.array([len(names) for names in sensors.NAMES]),
            np.array([kind.period for kind in sensors.KINDS]),
            sensors.parameters(),
        )

    def next_batch(self, limit: int, until: int | None) -> Chunk:
        """The next readings; none is ever rejected. Empty only if none is due."""
        readings = 0
        while not readings:
            due = limit if until is None else min(limit, self._due(until) - self._next)
            if due <= 0:
                return Chunk(_empty(0, self._width), [])
            batch = _empty(due, self._width)
            readings = fill(self._fleet, self._next, *batch)
            self._next += due
        return Chunk(batch.part(0, readings), [])

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


def _empty(size: int, width: int) -> Batch:
    return Batch(np.empty(size, np.int32), np.empty(size, np.int64), np.empty((size, width)), np.empty(size, np.int8))


class Fleet(NamedTuple):
    """What its readings are a function of."""

    seed: UInt64
    began: int
    interval: int
    probability: float
    mishaps: bool
    rows: Int32x1
    """(D,): the devices' rows in the shard."""
    widths: Int64x1
    """(K,): how many channels a kind has."""
    periods: Float64x1
    """(K,): seconds that its cycles take."""
    parameters: Float64x3
    """(K, C, 12): the rest, at the indices that ``sensors`` names."""


@njit(types.float64(types.float64), cache=True, nogil=True, inline="always")
def cycle(turns: float) -> float:
    """The sine of so many turns, to 0.0011: a parabola, corrected towards the sine. A day needs no better."""
    x = 2.0 * (turns - math.floor(turns)) - 1.0
    wave = -4.0 * x * (1.0 - abs(x))
    return wave + 0.225 * (wave * abs(wave) - wave)


@kernel(inline="always")
def _next(tick: int, device: int, kind: int, devices: int, kinds: int) -> tuple[int, int, int]:
    """The tick, device and kind whose moment is next."""
    if device + 1 == devices:
        return tick + 1, 0, 0
    return tick, device + 1, kind + 1 if kind + 1 < kinds else 0


@kernel
def fill(fleet: Fleet, first: int, rows: Int32x1, times: Int64x1, values: Float64x2, labels: Int8x1) -> int:
    """Fill the columns of a batch with the readings of its N moments from ``first`` on.

    Returns how many readings there are: fewer than N where devices are absent. ``values`` (N, C or more).
    """
    devices = len(fleet.rows)
    began, interval, widths = fleet.began, fleet.interval, fleet.widths
    seed_key = draw(fleet.seed, 0)
    tick, device = first // devices, first % devices
    kind = device % len(widths)
    i = 0
    for _ in range(len(rows)):
        later = began + device * interval // devices
        now = later + tick * interval
        if fleet.mishaps and is_absent(seed_key, device, tick, now // 1000):
            tick, device, kind = _next(tick, device, kind, devices, len(widths))
            continue
        key = draw(seed_key, device)
        rows[i] = fleet.rows[device]
        times[i] = now + milliseconds_ahead(device) if fleet.mishaps else now

        # Segments of faults begin at another tick on every device.
        shift = np.int64(draw(key, _SHIFT) % np.uint64(faults.SEGMENT))
        fault, since, size, choice = find_fault(draw(key, _FAULT), tick + shift, fleet.probability)
        labels[i] = fault != faults.NONE
        if fleet.mishaps and is_maintained(device, now // 1000):
            fault, since, size, choice = faults.NOISE_BURST, tick + shift, MAINTENANCE_NOISE, 0.0
            labels[i] = NO_LABEL
        # To a sensor that is stuck, time stands still.
        seen = since - shift if fault == faults.STUCK else tick
        seconds = (later + seen * interval) * 1e-3
        wave = cycle(seconds / fleet.periods[kind] + uniform(draw(key, _PHASE)))
        slow = wander(draw(key, _DRIFT), seen, _DRIFT_TICKS)
        common = normal(draw(key, seen * _PURPOSES + _COMMON)) if widths[kind] > 1 else 0.0
        faulty = np.int64(choice * widths[kind])
        for channel in range(widths[kind]):
            p = fleet.parameters[kind, channel]
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

        i += 1
        tick, device, kind = _next(tick, device, kind, devices, len(widths))
    return i
