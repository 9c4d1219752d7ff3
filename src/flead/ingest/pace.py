"""When the readings of a source are due."""

import time

from flead.columns import Source
from flead.settings.readings import ReadingsSettings


class Pace:
    """Which readings are due when a source is played: ``speed`` seconds of event time a second; None is at once."""

    def __init__(self, speed: float | None, event_time: int) -> None:
        self._speed = speed
        self._event_time = event_time
        self._since = time.monotonic()

    def until(self) -> int | None:
        """The event time up to which readings are due, in milliseconds; None: all."""
        if self._speed is None:
            return None
        return self._event_time + round((time.monotonic() - self._since) * 1000 * self._speed)


class Rate:
    """How many readings are due when so many are sent a second, whatever their event times."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._since = time.monotonic()
        self._taken = 0

    def due(self, most: int) -> int:
        """How many are due that were not taken, at most ``most``."""
        due = int((time.monotonic() - self._since) * self._per_second) - self._taken
        return max(0, min(most, due))

    def take(self, count: int) -> None:
        """So many are on their way."""
        self._taken += count


def pace_of(settings: ReadingsSettings, source: Source) -> Pace:
    """The pace that ``settings.speed`` asks for, from now on."""
    if settings.speed == "max":
        return Pace(None, 0)
    return Pace(float(settings.speed), now() if is_live(settings) else source.start_time())


def is_live(settings: ReadingsSettings) -> bool:
    """Whether the source makes its readings in the present, instead of having them recorded."""
    return settings.data == "sim" and settings.speed != "max"


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
