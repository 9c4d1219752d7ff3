"""How a message is read: by a plan if its shape is known, otherwise by a closer look, which may make one."""

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from flead.messages.flatten import UnreadableError, decode
from flead.messages.plan import Plan, quoted_time, shape_of
from flead.messages.topics import Place
from flead.messages.understand import Rules, Said, nameless, number_of, objects_of, understand
from flead.records import DEFAULT_CHANNEL
from flead.vocabulary import FALSE, TRUE, is_absent

MOST_PLANS = 256
"""The most plans that are kept; each holds a type of some kilobytes."""
MOST_NAMES = 1000
WORTH_A_PLAN = 2
"""How often a shape must be seen before a plan is made for it."""
MOST_READINGS = 10_000
"""Readings in a message, at most."""

MOST_SEEN = 10_000
"""Shapes that are counted, at most."""
PLANS_A_TOPIC = 4
"""Shapes that take turns on one topic."""

_WHOLE = b'{"device_id":'
_OF_A_NUMBER = b"0123456789.+-eE \r\n\t"
_encode = msgspec.json.encode
NOWHERE = Place(None, None, None)


class _Key(NamedTuple):
    """What a plan is kept under: messages of one topic mostly have one shape."""

    topic: str
    shape: tuple[Any, ...]


class Messages:
    """Reads messages of any shape into lines of readings, and counts what it leaves out."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._times: Counter[str] = Counter()
        self._plans: dict[str, list[Plan]] = {}
        self._made = 0
        self._seen: Counter[_Key] = Counter()

    def read(self, payload: bytes, topic: str, place: Place, now: int | None) -> list[bytes]:
        """The readings in a message, each a JSON line. ``now``: the time of those that say none; None: they must.

        Raises :class:`UnreadableError`. A line is what the plain decoder reads, or refuses.
        """
        plans = self._plans.get(topic)
        if plans is not None:
            line = plans[0].read(payload, now) or _by_another(plans, payload, now)
            if line is not None:
                return [line]
        if payload.startswith(_WHOLE) and b'"data":' in payload and b'"timestamp":"' in payload:
            return [payload]
        if now is not None and place.single is not None and payload and not payload.translate(None, _OF_A_NUMBER):
            return [_of_number(place, payload, now)]
        return self._look(payload, topic, place, now)

    def counts(self) -> dict[str, int]:
        """What was left out, as ``name: what it is``, and of how many messages."""
        counts = self._left_out.copy()
        for plans in self._plans.values():
            for plan in plans:
                for item in plan.left_out.items():
                    counts[item] += plan.used
        return {f"{name}: {why}": count for (name, why), count in counts.items()}

    def times(self) -> dict[str, int]:
        """Under which names messages have said their time, and how often; under none where they have said none."""
        times = self._times.copy()
        for plans in self._plans.values():
            for plan in plans:
                times[plan.time_path] += plan.used
        return dict(times)

    def _look(self, payload: bytes, topic: str, place: Place, now: int | None) -> list[bytes]:
        try:
            said = decode(payload)
        except UnreadableError:
            said = _text_of(payload)
            if said is None:
                raise
        if not isinstance(said, dict | list):
            return [self._plain(said, place, now)]
        lines: list[bytes] = []
        refused: UnreadableError | None = None
        for around, record in objects_of(said):
            try:
                lines.append(self._of_object(record, around, topic, place, now, alone=record is said))
            except UnreadableError as error:
                refused = error
            if len(lines) > MOST_READINGS:
                raise UnreadableError(f"the message has more than {MOST_READINGS:,} readings")
        if not lines:
            raise refused or UnreadableError("the message has no object with numbers")
        return lines

    def _plain(self, said: Any, place: Place, now: int | None) -> bytes:
        """A message that is one value: a number, or a word by the settings."""
        if isinstance(said, str):
            said = said.strip()
            if self.rules.booleans and said.lower() in TRUE | FALSE:
                said = said.lower() in TRUE
            elif is_absent(said):
                raise UnreadableError("it says that there is no value")
            else:
                number = number_of(said)
                if number is None:
                    kind = (
                        "a word for on or off: booleans = true reads it as a number"
                        if said.lower() in TRUE | FALSE
                        else "text"
                    )
                    raise UnreadableError(f"a number or a JSON object is expected, not {kind}")
                said = number
        if isinstance(said, bool) and not self.rules.booleans:
            raise UnreadableError(
                "a number or a JSON object is expected, not true or false: booleans = true reads it as a number"
            )
        if said is None:
            raise UnreadableError("it says that there is no value: null")
        data: Any = float(said) if place.channel is None else {place.channel: float(said)}
        return _line(place.single, data, _moment(None, now))

    def _of_object(
        self, record: Any, around: str | None, topic: str, place: Place, now: int | None, *, alone: bool
    ) -> bytes:
        said = understand(record, self.rules)
        if len(self._left_out) < MOST_NAMES:
            self._left_out.update(said.left_out.items())
        self._times[said.time_path if len(self._times) < MOST_NAMES else ""] += 1
        own = "device_id" in record
        device = said.device if own else around or place.device or said.device
        only = None
        if nameless(said.channels):
            # The topic may know what the number is; it is a value by no name, or by its own.
            only = place.channel or ("" if next(iter(said.channels)) in (DEFAULT_CHANNEL, "data") else None)
            device = device if own or around or place.channel is None else place.single
        if alone and "label" not in record and device is not None:
            self._plan(record, said, device if device != said.device else None, only, topic)
        data: Any = said.channels if only is None else next(iter(said.channels.values()))
        data = {only: data} if only else data
        label = record.get("label")
        return _line(device, data, _moment(said.time, now), label if label in (0, 1) else None)

    def _plan(self, record: Any, said: Said, device: str | None, only: str | None, topic: str) -> None:
        """Make a plan for the topic, once it is worth one."""
        if len(self._seen) > MOST_SEEN or any("." in name for name in _names(record)):
            return
        key = _Key(topic, shape_of(record))
        self._seen[key] += 1
        plans = self._plans.get(topic, [])
        if self._seen[key] != WORTH_A_PLAN or self._made >= MOST_PLANS or len(plans) >= PLANS_A_TOPIC:
            return
        try:
            plan = Plan(record, said, self.rules, device, only)
        except (KeyError, TypeError, ValueError):
            return  # lists of numbers, and names that no type can have
        self._plans.setdefault(topic, []).insert(0, plan)
        self._made += 1


def _by_another(plans: list[Plan], payload: bytes, now: int | None) -> bytes | None:
    """The line by another plan than the first, which is the first from then on."""
    for number, plan in enumerate(plans[1:], 1):
        line = plan.read(payload, now)
        if line is not None:
            plans.insert(0, plans.pop(number))
            return line
    return None


def _names(record: Any) -> list[str]:
    return [
        name for key, value in record.items() for name in [key, *(_names(value) if isinstance(value, dict) else [])]
    ]


def _text_of(payload: bytes) -> str | None:
    """A short payload that is no JSON but text, such as a number with its unit, or a word."""
    if len(payload) > 64:
        return None
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if number_of(text) is not None or is_absent(text) or text.strip().lower() in TRUE | FALSE else None


def _of_number(place: Place, payload: bytes, now: int) -> bytes:
    """The line of a plain number, as it stands."""
    number = payload.strip()
    data = number if place.channel is None else b"{%b:%b}" % (_encode(place.channel), number)
    return b'{"device_id":%b,"data":%b,"timestamp":%b}' % (_encode(place.single), data, quoted_time(now))


def _moment(own: int | None, now: int | None) -> str:
    if own is None and now is None:
        raise UnreadableError("it does not say of when it is")
    return quoted_time(own if own is not None else now or 0)[1:-1].decode()


def _line(device: str | None, data: Any, moment: str, label: Any = None) -> bytes:
    if device is None:
        raise _nobody()
    record = {"device_id": device, "data": data, "timestamp": moment}
    return _encode(record if label is None else record | {"label": label})


def _nobody() -> UnreadableError:
    return UnreadableError("no device_id: put a wildcard where the topic has the device's id, or send it along")
