"""Patterns of topics, and what a topic says of the device and the channel of a plain number."""

from typing import NamedTuple

from flead.messages.names import split_levels


class Place(NamedTuple):
    """What a topic says."""

    device: str | None
    """Whose a message with channels of its own is."""
    single: str | None
    """Whose a message of one number without a name is."""
    channel: str | None
    """What that number is; None: the topic does not say."""


class Pattern:
    """A pattern of topics: what stands in the place of its wildcards names the device.

    Of a plain number the end of the topic may say what it is. ``{device}`` and ``{channel}`` in the place of a wildcard
    say which is which.

    >>> Pattern("plant/+/pumps/+/data").place("plant/north/pumps/7/data")
    Place(device='north/7', single='north/7', channel=None)
    >>> Pattern("home/#").place("home/attic/temperature")
    Place(device='attic/temperature', single='attic', channel='temperature')
    >>> Pattern("home/{device}/{channel}/state").place("home/attic/t1/state")
    Place(device='attic', single='attic', channel='t1')
    """

    def __init__(self, pattern: str) -> None:
        self._named = pattern.split("/")
        marks = {"{device}": "+", "{channel}": "+"}
        self._levels = [marks.get(level, level) for level in self._named]
        self.text = "/".join(self._levels)
        """The pattern as a broker takes it."""

    def place(self, topic: str) -> Place:
        """What this topic says."""
        given = topic.split("/")
        if "{device}" in self._named or "{channel}" in self._named:
            device = "/".join(self._at("{device}", given)) or None
            return Place(device, device, ".".join(self._at("{channel}", given)) or None)
        found: list[str] = []
        for number, level in enumerate(self._levels):
            if level == "#":
                found += given[number:]
            elif level == "+":
                found += given[number : number + 1]
        device = "/".join(found) or None
        levels, channel = split_levels(found)
        if not channel:
            # The pattern itself may end in what the channel is: sensors/+/temperature.
            fixed = given[self._last_wildcard() + 1 :] if found else []
            _, channel = split_levels(["", *fixed])
            return Place(device, device, ".".join(channel) or None)
        return Place(device, "/".join(levels), ".".join(channel))

    def _at(self, mark: str, given: list[str]) -> list[str]:
        return [given[number] for number, level in enumerate(self._named) if level == mark and number < len(given)]

    def _last_wildcard(self) -> int:
        return max(number for number, level in enumerate(self._levels) if level in ("+", "#"))
