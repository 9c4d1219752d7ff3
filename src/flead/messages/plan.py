"""A shape of messages that was understood once, compiled: the next ones like it are read without a look at names.

The plan of a shape is a type of msgspec that has exactly its names, with every value as it stands in the text. What was
measured is put behind the channels' names in a line that the plain decoder reads.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

from flead.messages.flatten import flatten
from flead.messages.moments import own_time
from flead.messages.understand import ABSENT, SWITCH, TEXT, Rules, Said, number_of

_WORDS = frozenset(
    [b"nu", b"tr", b"fa", b'""'] + [b'"%c' % letter for letter in range(256) if chr(letter) not in "0123456789.+-,\xe2"]
)
"""How values begin that are no numbers, nor text of one: null, true, false, a word."""
encode = msgspec.json.encode
_NAIVE = len('"2025-03-03T08:00:00"')
_OF_A_NUMBER = b"0123456789.+-eE,"


class Plan:
    """How messages of one shape are read."""

    def __init__(
        self, record: Mapping[str, Any], said: Said, rules: Rules, device: str | None, only: str | None
    ) -> None:
        """For objects like this one, which says this.

        ``device`` is whose they are, None if they say it. ``only`` is the name of the one channel where that is not its
        own; nothing for a reading that is one number. KeyError or ValueError for a shape that no plan can read.
        """
        self.used = 0
        """How many messages it has read."""
        self.left_out, self.time_path = said.left_out, said.time_path
        self._rules = rules
        self._decode = msgspec.json.Decoder(_type_of(record, "message")).decode
        paths = list(said.paths.values())
        self._quoted = [isinstance(_at(record, path), str) for path in paths]
        self._any_quoted = any(self._quoted)
        self._values = _getter([_attribute(record, path) for path in paths])
        self._time = attrgetter(_attribute(record, said.time_path)) if said.time_path else None
        self._device = attrgetter(_attribute(record, said.device_path)) if device is None else None
        # What was absent or a word in this message may be a number in the next: that one is looked at again.
        loose = [path for path, why in _wholly(record, said).items() if why in (ABSENT, TEXT, SWITCH)]
        self._loose = _getter([_attribute(record, path) for path in loose]) if loose else None
        names = list(said.paths) if only is None else [only]
        # What stands before, between and behind the values; the places for them are filled with every message.
        before = [
            b"" if only == "" else (b"{" if not number else b",") + encode(name) + b":"
            for number, name in enumerate(names)
        ]
        self._parts: list[bytes | msgspec.Raw] = [
            b'{"device_id":',
            b"" if device is None else encode(device),
            b',"data":',
        ]
        for part in before:
            self._parts += [part, b""]
        self._parts += [b',"timestamp":' if only == "" else b'},"timestamp":', b"", b"}"]
        self._places = slice(4, 4 + 2 * len(names), 2)

    def read(self, payload: bytes, now: int | None) -> bytes | None:
        """The line of a reading; None if the message is of another shape. ``now``: its time, where it says none."""
        try:
            found = self._decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        values = self._values(found)
        if self._any_quoted:
            values = tuple(map(_unquoted, values, self._quoted))
        if self._loose is not None and not _WORDS.issuperset(bytes(value)[:2] for value in self._loose(found)):
            return None
        if b",".join(values).translate(None, _OF_A_NUMBER):
            return None  # null, a word, or text where there was a number
        if self._time is not None:
            moment = self._own_time(bytes(self._time(found)))
        else:
            moment = None if now is None else quoted_time(now)
        if moment is None:
            return None
        self.used += 1
        parts = self._parts
        parts[self._places] = values
        parts[-2] = moment
        if self._device is not None:
            device = bytes(self._device(found))
            parts[1] = device if device[:1] == b'"' else b'"%b"' % device
        return b"".join(parts)

    def _own_time(self, said: bytes) -> bytes | None:
        plain = said[-2:] == b'Z"' or (len(said) == _NAIVE and self._rules.zone is None)
        if plain and said[:3] == b'"20' and len(said) >= _NAIVE and said[11] in b"T ":
            return said  # the plain decoder reads it
        time = own_time(msgspec.json.decode(said), self._rules.zone)
        return None if time is None else quoted_time(time)


def _unquoted(value: msgspec.Raw, quoted: bool) -> bytes | msgspec.Raw:
    """A number as JSON; one in quotes may have zeros in front, or a unit behind."""
    if not quoted:
        return value
    number = number_of(bytes(value)[1:-1].decode())
    return b"null" if number is None else repr(number).encode()


def _getter(attributes: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What gets these attributes, as a tuple."""
    get = attrgetter(*attributes)
    return get if len(attributes) > 1 else lambda found: (get(found),)


def quoted_time(milliseconds: int) -> bytes:
    """A time as JSON: milliseconds since the epoch, of the years 1970 to 2261.

    >>> quoted_time(1762528951250)
    b'"2025-11-07T15:22:31.250Z"'
    """
    seconds, rest = divmod(milliseconds, 1000)
    if seconds != _last[0]:
        import time

        _last[:] = seconds, time.strftime('"%Y-%m-%dT%H:%M:%S.', time.gmtime(seconds)).encode()
    return b'%b%03dZ"' % (_last[1], rest)


_last: list[Any] = [-1, b""]


def shape_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a plan is for: the names of an object and of those in it."""
    return tuple((name, shape_of(value)) if isinstance(value, Mapping) else name for name, value in record.items())


def _wholly(record: Mapping[str, Any], said: Said) -> dict[str, str]:
    """What was left out, by its whole path in the object."""
    return {path: why for path, _ in flatten(record) for name, why in said.left_out.items() if path.endswith(name)}


def _type_of(record: Mapping[str, Any], name: str) -> type[msgspec.Struct]:
    """The type of objects with exactly these names; values are the text as it stands."""
    fields = []
    renamed = {}
    for number, (key, value) in enumerate(record.items()):
        if isinstance(value, list):
            raise ValueError("lists have no names")
        kind: Any = _type_of(value, f"{name}_{number}") if isinstance(value, Mapping) else msgspec.Raw
        fields.append((f"f{number}", kind))
        renamed[f"f{number}"] = key
    return msgspec.defstruct(name, fields, rename=renamed, forbid_unknown_fields=True, gc=False)


def _attribute(record: Mapping[str, Any], path: str) -> str:
    """Where a type has what an object has under this path: f0.f2."""
    for number, (key, value) in enumerate(record.items()):
        if key == path:
            return f"f{number}"
        if isinstance(value, Mapping) and path.startswith(f"{key}."):
            try:
                return f"f{number}.{_attribute(value, path[len(key) + 1 :])}"
            except KeyError:
                continue
    raise KeyError(path)


def _at(record: Mapping[str, Any], path: str) -> Any:
    for key, value in record.items():
        if key == path:
            return value
        if isinstance(value, Mapping) and path.startswith(f"{key}."):
            try:
                return _at(value, path[len(key) + 1 :])
            except KeyError:
                continue
    raise KeyError(path)
