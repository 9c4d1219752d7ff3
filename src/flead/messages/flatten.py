"""JSON to names and values without objects in them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

MOST_DEPTH = 12
MOST_ELEMENTS = 16
"""Numbers of a list that are channels of their own, at most: a longer one is a recording."""
_NUMBERS = re.compile(rb'("(?:[^"\\]|\\.)*")|([-+]?\b(?:NaN|nan|NAN|Infinity|inf|Inf)\b)')

_decode = msgspec.json.decode


class UnreadableError(ValueError):
    """Why a message is no reading, in words for whoever sent it."""


def decode(payload: bytes) -> Any:
    """The value in a payload; numbers that JSON lacks, such as NaN, are null. Raises UnreadableError."""
    try:
        return _decode(payload)
    except UnicodeDecodeError as error:
        raise UnreadableError("neither a number nor JSON: it is not UTF-8") from error
    except RecursionError:
        raise UnreadableError("neither a number nor JSON: it is nested too deeply") from None
    except msgspec.MsgspecError as error:
        repaired = _NUMBERS.sub(lambda found: found[1] or b"null", payload)
        if repaired != payload:
            try:
                return _decode(repaired)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass
        raise UnreadableError(f"neither a number nor JSON: {error}") from None


def flatten(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The names, joined by points, and the values of an object; lists of objects are left out.

    >>> dict(flatten({"ENERGY": {"Power": [5, 6]}, "s": [{"name": "t", "value": 7}]}))
    {'ENERGY.Power.0': 5, 'ENERGY.Power.1': 6, 's.t': 7}
    """
    for name, value in record.items():
        path = prefix + name
        if isinstance(value, Mapping):
            if depth < MOST_DEPTH:
                yield from flatten(value, f"{path}.", depth + 1)
        elif isinstance(value, list):
            yield from _flatten_list(path, value, depth)
        else:
            yield path, value


def _flatten_list(path: str, value: list[Any], depth: int) -> Iterator[tuple[str, Any]]:
    if len(value) > MOST_ELEMENTS:
        return
    for number, element in enumerate(value):
        if isinstance(element, Mapping):
            named = next((str(element[key]) for key in ("name", "n", "id", "type") if key in element), None)
            own = next((element[key] for key in ("value", "v", "val") if key in element), None)
            if named is not None and own is not None:
                yield f"{path}.{named}", own
        elif not isinstance(element, list) and depth < MOST_DEPTH:
            yield f"{path}.{number}", element
