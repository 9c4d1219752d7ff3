"""A JSON object to what it says: its device, its time, its channels, and what else it carries."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flead.messages.flatten import UnreadableError, flatten
from flead.messages.moments import own_time
from flead.messages.names import DEVICES, TIMES, VALUES, WRAPPERS, is_unit, kind_of
from flead.records import LARGEST
from flead.vocabulary import FALSE, TRUE, is_absent, plain

_WITH_UNIT = re.compile(r"\s*([+\-\u2212]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([%°A-Za-zµΩ][\w/²³^%.°]{0,7})?\s*")
ABSENT, TEXT, SWITCH, UNIT = "says that there is no value", "text", "on or off", "a unit"
_LISTS = ("metrics", "readings", "data", "values", "records", "messages", "events")


class Said(NamedTuple):
    """What one reading's object says."""

    device: str | None
    time: int | None
    channels: dict[str, float]
    left_out: dict[str, str]
    """Name -> what it is instead of a measurement."""
    paths: dict[str, str]
    """Channel -> where in the object it is."""
    time_path: str
    """Where its time is; nothing without one."""
    device_path: str
    """Where its device is; nothing without one."""


class Rules(NamedTuple):
    """What a user has settled of how messages are read."""

    zone: ZoneInfo | None = None
    booleans: bool = False


def objects_of(said: Any) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """The objects of a message that are readings, each with the device that stands around it.

    A list of objects, an object with a list of them, an object of lists by device, or the object itself.
    """
    if isinstance(said, list):
        for one in said:
            if isinstance(one, Mapping):
                yield from objects_of(one)
        return
    lists = {name: value for name, value in said.items() if _is_list_of_readings(value)}
    if len(lists) == 1 and (name := next(iter(lists))) in _LISTS:
        around = {key: value for key, value in said.items() if key != name}
        for one in lists[name]:
            yield None, around | one
    elif lists and len(lists) == len(said):
        for name, readings in lists.items():
            for one in readings:
                yield name, one
    else:
        yield None, said


def understand(record: Mapping[str, Any], rules: Rules) -> Said:
    """What an object says. Raises UnreadableError if it has no channel."""
    flat = dict(flatten(record))
    wrapper = _wrapper(record)
    time_path, time = _own_time(flat, wrapper, rules)
    device_path, device = _device(flat)
    channels: dict[str, float] = {}
    paths: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for path, value in flat.items():
        if path == time_path or path.startswith(("tags.", "metadata.")) or path in ("label", device_path):
            continue
        if wrapper and not path.startswith(wrapper):
            left_out[path] = kind_of(path) or "beside the measurements"
            continue
        name = path.removeprefix(wrapper)
        number, why = _number(name, value, rules)
        if number is None:
            left_out[name] = why
            continue
        channel = _channel(name)
        channels[channel], paths[channel] = number, path
    if not channels:
        named = ", ".join(f"{name} ({why})" for name, why in list(left_out.items())[:4])
        raise UnreadableError(f"the object has no number that was measured{': ' + named if named else ''}")
    return Said(device, time, channels, left_out, paths, time_path, device_path)


def number_of(text: str) -> float | None:
    """The number in a text, a unit behind it allowed; None if it is none.

    >>> number_of("00317.5"), number_of("21.5 °C"), number_of("\u22124"), number_of("on"), number_of("12:30")
    (317.5, 21.5, -4.0, None, None)
    """
    found = _WITH_UNIT.fullmatch(text)
    if found is None:
        return None
    value = float(found[1].replace("\u2212", "-"))
    return value if abs(value) <= LARGEST else None


def _number(name: str, value: Any, rules: Rules) -> tuple[float | None, str]:
    """A value as a number, or None and what it is instead."""
    kind = kind_of(name)
    if kind:
        return None, kind
    if isinstance(value, bool):
        return (float(value), "") if rules.booleans else (None, SWITCH)
    if isinstance(value, int | float):
        return (float(value), "") if abs(value) <= LARGEST else (None, ABSENT)
    if value is None:
        return None, ABSENT
    if is_unit(name):
        return None, UNIT
    if not isinstance(value, str):
        return None, TEXT
    if value.lower() in TRUE | FALSE:
        return (float(value.lower() in TRUE), "") if rules.booleans else (None, SWITCH)
    number = number_of(value) if not name.lower().endswith(("raw", "id")) else None
    if number is not None:
        return number, ""
    return None, ABSENT if is_absent(value) else TEXT


def _channel(name: str) -> str:
    """``temperature.value`` is the channel ``temperature``."""
    before, point, last = name.rpartition(".")
    return before if point and last in VALUES else name


def _wrapper(record: Mapping[str, Any]) -> str:
    """The object that holds the measurements, as the beginning of their paths; nothing if it is the whole."""
    for path in WRAPPERS:
        found: Any = record
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping) and found:
            return f"{path}."
    return ""


def _own_time(flat: Mapping[str, Any], wrapper: str, rules: Rules) -> tuple[str, int | None]:
    ranked: list[tuple[int, str]] = []
    for path in flat:
        bare = path.removeprefix(wrapper)
        if "." not in bare or "." not in path:
            name = plain(bare)
            if name in TIMES:
                ranked.append((TIMES.index(name) + len(TIMES) * (path != bare), path))
    for _, path in sorted(ranked):
        time = own_time(flat[path], rules.zone)
        if time is not None:
            return path, time
    return "", None


def _device(flat: Mapping[str, Any]) -> tuple[str, str | None]:
    for path in DEVICES:
        said = flat.get(path)
        if isinstance(said, str) and said.strip():
            return path, said
        if isinstance(said, int) and not isinstance(said, bool) and path not in ("id", "name", "src", "host"):
            return path, str(said)
    return "", None


def _is_list_of_readings(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, Mapping) for one in value)
        and any(plain(name) in TIMES or name in ("values", "fields") for name in value[0])
    )


def nameless(channels: Mapping[str, Any]) -> bool:
    """Whether the one channel is only called a value: the topic may have a better name."""
    return len(channels) == 1 and next(iter(channels)) in VALUES
