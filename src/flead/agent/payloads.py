"""What sensors publish, as readings: a plain number, an object of named numbers, or a whole reading."""

from typing import Any

import msgspec

from flead.codec.strict import MalformedError
from flead.records import DEFAULT_CHANNEL, to_text

OWN = frozenset({"device_id", "data", "timestamp", "label"})
"""Names that mean what they mean in a reading, and so are no channels."""

FIRST_MILLISECONDS = 1e11
"""A time that is a number counts milliseconds from here on (1973), and seconds below (until 5138)."""

_decode = msgspec.json.decode
_encode = msgspec.json.Encoder().encode


class Pattern:
    """A pattern of topics, and the device that a topic speaks of: what stands in the place of its wildcards.

    >>> Pattern("plant/+/pumps/+/data").device("plant/north/pumps/7/data")
    'north/7'
    """

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self._levels = pattern.split("/")

    def device(self, topic: str) -> str | None:
        """The device's id; None if the pattern has no wildcards."""
        given = topic.split("/")
        found = [
            "/".join(given[i:]) if level == "#" else given[i]
            for i, level in enumerate(self._levels)
            if level in ("+", "#") and i < len(given)
        ]
        return "/".join(found) or None


def reading(payload: bytes, device: str | None, now: int) -> bytes:
    """A reading as JSON from what was published; it is of ``now`` (milliseconds) if it does not say of when.

    Raises :class:`MalformedError`. An object without ``data`` is one of channels; what is no number in it is left out.
    """
    try:
        said = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"neither a number nor JSON: {error}") from None
    if isinstance(said, dict):
        return _of_object(said, device, now)
    if not _is_number(said):
        raise MalformedError(f"a number or a JSON object is expected, not {_name(said)}")
    return _record(device, said, to_text(now), None)


def _of_object(said: dict[str, Any], device: str | None, now: int) -> bytes:
    if "data" in said:
        data = said["data"]
    else:
        data = {name: value for name, value in said.items() if name not in OWN and _is_number(value)}
        if list(data) == [DEFAULT_CHANNEL]:
            data = data[DEFAULT_CHANNEL]
        elif not data:
            raise MalformedError("the object has no number")
    return _record(said.get("device_id", device), data, _time(said.get("timestamp"), now), said.get("label"))


def _record(device: object, data: object, timestamp: object, label: object) -> bytes:
    if device is None:
        raise MalformedError("no device_id: put a wildcard where the topic has the device's id, or send it along")
    record = {"device_id": device, "data": data, "timestamp": timestamp}
    return _encode(record if label is None else record | {"label": label})


def _time(said: object, now: int) -> object:
    if said is None:
        return to_text(now)
    if isinstance(said, int | float) and not isinstance(said, bool):
        milliseconds = said if abs(said) >= FIRST_MILLISECONDS else said * 1000
        if not 0 <= milliseconds < 1e13:
            raise MalformedError(f"timestamp {said!r} is of no year from 1970 to 2261")
        return to_text(int(milliseconds))
    return said


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(value: object) -> str:
    return {str: "text", bool: "true or false", list: "a list", type(None): "null"}.get(type(value), "this")
