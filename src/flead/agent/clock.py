"""The clock on the wall, and how far it has jumped: somebody set it, or a time server did."""

import time
from collections.abc import Callable

JUMP = 5_000
"""Milliseconds by which it may differ from the time that has passed; a time server corrects smaller errors slowly."""


def wall() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def passed() -> int:
    """Milliseconds of a clock that nobody sets and that, where there is such a one, counts on in sleep."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1_000_000


class Clock:
    """Compares the two."""

    def __init__(self, wall: Callable[[], int] = wall, passed: Callable[[], int] = passed) -> None:
        self.now = wall
        self._passed = passed
        self._offset = wall() - passed()

    def jumped(self) -> int:
        """By how many milliseconds the clock was set since this was last asked; 0 for what is no jump."""
        offset = self.now() - self._passed()
        jump = offset - self._offset
        if abs(jump) < JUMP:
            return 0
        self._offset = offset
        return jump


class Ahead:
    """Notices that a shard's clock runs ahead of its readings: a sensor's clock, or the agent's own, was wrong.

    A shard's clock is the newest event time that it has seen, and devices train by it. After one reading of the year
    2099 none would train on fewer readings than it takes until then.
    """

    def __init__(self, patience: int, clock: Callable[[], int] = passed) -> None:
        """``patience``: so many milliseconds readings may be late, and for so long they must be."""
        self._patience = patience
        self._clock = clock
        self._since = clock()
        self._newest: int | None = None

    def see(self, newest: int) -> None:
        """The newest event time of some readings."""
        self._newest = newest if self._newest is None else max(self._newest, newest)

    def set_back(self, shard_clock: int) -> int | None:
        """The event time that the shard's clock has to be set back to, if it has."""
        if self._clock() - self._since < self._patience:
            return None
        newest, self._newest, self._since = self._newest, None, self._clock()
        return newest if newest is not None and newest < shard_clock - self._patience else None
