"""Single signals like those that public collections of labelled series hold, and events to plant in them.

Every signal's own numbers (amplitudes, noise, the hours of a peak) are drawn anew, so that nothing can be fitted to
them. A family makes raw values; what its sensor does to them (whole numbers, limits, counting up) comes after an event
was planted, as it would.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Family(NamedTuple):
    """Signals of one kind."""

    a_day: int
    """Readings a day."""
    days: int
    raw: Callable[[np.random.Generator, NDArray[np.int64], int], Values]
    """Its generator, of the numbers of the readings and the readings a day."""
    events: str
    """The events that are events for it, by their first letters (see ``PLANT``)."""
    sensor: Callable[[Values], Values] = lambda values: values
    """What is read of the raw values."""


@njit(cache=True)
def _wander(noise: Values, keep: float) -> Values:
    """Noise that remembers: an autoregression of order 1 with the variance of the noise."""
    values, now, share = np.empty(len(noise)), 0.0, np.sqrt(1.0 - keep * keep)
    for t in range(len(noise)):
        now = keep * now + share * noise[t]
        values[t] = now
    return values


def wander(rng: np.random.Generator, count: int, keep: float) -> Values:
    values: Values = _wander(rng.normal(size=count), keep)
    return values


def daily(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    """A day's shape from 0 to 1, with one peak or two."""
    angle = 2 * np.pi * (t / day + rng.random())
    shape = np.sin(angle) + rng.uniform(0.1, 0.6) * np.sin(2 * angle + 6 * rng.random())
    values: Values = (shape - shape[:day].min()) / np.ptp(shape[:day])
    return values


def weekly(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    """1, and less on the two days of the week-end."""
    values: Values = np.where((t // day + rng.integers(7)) % 7 >= 5, rng.uniform(0.4, 0.7), 1.0)
    return values


def bursts(rng: np.random.Generator, count: int, share: float, length: float, size: float) -> Values:
    """Bursts that belong to the signal: a share of the readings, so long and so high on average."""
    values = np.zeros(count)
    for start in np.flatnonzero(rng.random(count) < share / length):
        values[start : start + 1 + rng.geometric(1 / length)] += rng.gamma(2, size / 2)
    return values


def cpu(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    load = rng.uniform(5, 30) + rng.uniform(0, 20) * daily(rng, t, day) + rng.uniform(1, 3) * wander(rng, len(t), 0.8)
    jobs = np.where((t + rng.integers(12)) % (day // 24) < 2, rng.uniform(10, 30), 0.0)
    return load + jobs * rng.uniform(0.8, 1.2, len(t)) + bursts(rng, len(t), 0.01, 3, 10)


def requests(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    rate = rng.uniform(20, 400) * (0.15 + daily(rng, t, day)) * weekly(rng, t, day)
    return rng.poisson(rate * np.exp(0.1 * wander(rng, len(t), 0.95))).astype(float)


def machine(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    slow, quick = 6 * wander(rng, len(t), 1 - 0.5 / day), wander(rng, len(t), 0.9)
    return rng.uniform(60, 95) + slow + rng.uniform(0, 3) * daily(rng, t, day) + rng.uniform(0.5, 1.2) * quick


def taxi(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    demand = 25_000 * (0.1 + daily(rng, t, day)) * (0.6 + 0.4 * weekly(rng, t, day))
    return demand * (1 + 0.05 * wander(rng, len(t), 0.8))


def occupancy(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    flow = rng.uniform(8, 20) * daily(rng, t, day) ** 2 * weekly(rng, t, day)
    return flow * np.exp(0.3 * wander(rng, len(t), 0.5)) + bursts(rng, len(t), 0.01, 4, 10)


def speed(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    jam = np.maximum(daily(rng, t, day) - 0.7, 0) * 60 * weekly(rng, t, day)
    return 70 - jam + 3 * wander(rng, len(t), 0.6) - bursts(rng, len(t), 0.01, 4, 12)


def clicks(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    price = rng.uniform(0.3, 2) * (0.4 + daily(rng, t, day))
    return price * rng.lognormal(0, 0.35, len(t))


def mentions(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    rate = rng.uniform(5, 50) * (0.2 + daily(rng, t, day)) * np.exp(0.5 * wander(rng, len(t), 0.98))
    return rng.poisson(rate + bursts(rng, len(t), 0.003, 6, 60)).astype(float)


def latency(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    usual = rng.lognormal(3, 0.4, len(t)) * np.exp(0.2 * wander(rng, len(t), 0.97))
    return usual + bursts(rng, len(t), 0.004, 1, 60)


def disk(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    backup = np.where((t + rng.integers(day)) % day < day // 20, rng.uniform(3e7, 9e7), 0.0)
    return (rng.gamma(1, 3e5, len(t)) + backup) * rng.uniform(0.8, 1.2, len(t)) + bursts(rng, len(t), 0.01, 1, 5e6)


def heating(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    on, off = rng.integers(8, 20), rng.integers(20, 60)
    lengths = np.stack([rng.normal(on, 1.5, len(t)), rng.normal(off, 4, len(t))], 1).clip(2).astype(int).ravel()
    state = np.repeat(np.tile([1.0, 0.0], len(t)), lengths)[: len(t)]
    return 20 + 15 * state + rng.uniform(0.3, 1) * rng.normal(size=len(t))


def packets(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    return rng.poisson(rng.uniform(50, 500) * (0.3 + daily(rng, t, day))).astype(float)


def light(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    return 400 * daily(rng, t, day) - 80 + 12 * wander(rng, len(t), 0.7)


def sawtooth(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    length = rng.integers(30, 120)
    return 200 + 6 * ((t + rng.integers(length)) % length) + rng.normal(0, 8, len(t))


def office(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    warm = rng.uniform(2, 5) * daily(rng, t, day) * weekly(rng, t, day)
    return 19 + warm + 2 * wander(rng, len(t), 1 - 0.2 / day) + 0.4 * wander(rng, len(t), 0.5)


def errors(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    return rng.poisson(rng.uniform(0.1, 1), len(t)).astype(float)


def gaps(rng: np.random.Generator, t: NDArray[np.int64], day: int) -> Values:
    """The requests of a server of which stretches are missing: the readings after a gap follow those before it."""
    there = np.arange(len(t) + 5 * (day // 3))
    missing = rng.choice(np.arange(day, len(t) - day, day // 3), 5, replace=False)
    return requests(rng, there, day)[np.delete(there, (missing[:, None] + np.arange(day // 3)).ravel())]


def plant(event: str, values: Values, start: int, day: int, rng: np.random.Generator) -> tuple[Values, int]:
    """The raw values with an event from ``start`` on, and where it ends. Its size goes by what the signal does."""
    low, high = np.quantile(values, [0.005, 0.995])
    span, noise = float(high - low), 1.5 * float(np.median(np.abs(np.diff(values))))
    lasting = max(day // 2, 60)
    length = {"x": 2, "y": 3, "s": day, "v": 100, "f": lasting, "d": day, "q": day, "h": day, "r": day, "o": 30}[event]
    changed, stop, size = values.copy(), start + length, rng.uniform(0.3, 1.0)
    part = values[start:stop]
    changed[start:stop] = {
        "x": lambda: part + size * (0.8 * span + 6 * noise),
        "y": lambda: part - size * (0.8 * span + 6 * noise),
        "s": lambda: part + size * (0.8 * span + 2 * noise),
        "v": lambda: part + rng.normal(0, size * (4 * noise + 0.15 * span), length),
        "f": lambda: np.full(length, part[0]),
        "d": lambda: part + np.linspace(0, size * (1.2 * span + 4 * noise), length),
        "q": lambda: np.median(values) + part - np.convolve(part, np.ones(day // 12) / (day // 12), "same"),
        "h": lambda: 0.5 * (part + low),
        "r": lambda: values[start + 3 * np.arange(length) % (3 * length // 2)],
        "o": lambda: np.zeros(length),
    }[event]()
    return changed, stop


EVENTS = {
    "x": "spike", "y": "dip", "s": "shift of a day", "v": "more noise", "f": "stands still", "d": "drift",
    "q": "a day without its season", "h": "a day like half of one", "r": "three times as fast", "o": "outage",
}  # fmt: skip


def _whole(values: Values) -> Values:
    return np.maximum(np.round(values), 0.0)


FAMILIES = {
    "cpu, %": Family(288, 14, cpu, "xsvfd", lambda values: np.round(values.clip(0, 100), 1)),
    "requests": Family(288, 28, requests, "xysvfqhro", _whole),
    "machine temperature": Family(288, 60, machine, "xysvfd"),
    "taxi rides": Family(48, 200, taxi, "xyvfqhro", _whole),
    "occupancy of a road": Family(144, 18, occupancy, "xsvf", lambda values: np.round(values.clip(0, 100), 2)),
    "speed on a road": Family(144, 18, speed, "yvf", _whole),
    "price of clicks": Family(24, 66, clicks, "xs"),
    "mentions": Family(288, 55, mentions, "xsvf", _whole),
    "latency": Family(288, 14, latency, "xsvf"),
    "disk writes": Family(288, 14, disk, "xsq"),
    "heating, on and off": Family(288, 21, heating, "xysvfr"),
    "packets, counted up": Family(288, 21, packets, "xvqhro", lambda values: np.cumsum(_whole(values))),
    "light, clipped": Family(288, 21, light, "xyvqhr", lambda values: np.round(values.clip(0, 255))),
    "sawtooth": Family(288, 14, sawtooth, "xysvfr"),
    "office, hourly": Family(24, 300, office, "xysvfq", lambda values: np.round(values, 1)),
    "errors, few": Family(288, 14, errors, "xs", _whole),
    "requests with gaps": Family(288, 28, gaps, "xvfo", _whole),
}
