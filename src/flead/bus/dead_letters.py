"""The records on `dead-letters`: the bytes as received; headers say where they were and why they were refused."""

from typing import Any

from confluent_kafka import Message

from flead.records import Rejected
from flead.topics import DEAD_LETTERS
from flead.trust.envelope import AGENT_HEADER

Headers = dict[str, str | bytes]


def headers_of(message: Message, reason: str) -> Headers:
    """The headers for a refused message; its key and value are kept unchanged."""
    agent: str | bytes = dict(message.headers() or []).get(AGENT_HEADER) or ""
    return {
        "topic": message.topic() or "",
        "partition": str(message.partition()),
        "offset": str(message.offset()),
        "reason": reason,
    } | ({AGENT_HEADER: agent} if agent else {})


def letter(message: Message, reason: str) -> dict[str, Any]:
    """The arguments of ``produce`` for a refused message."""
    return {
        "topic": DEAD_LETTERS,
        "key": message.key(),
        "value": message.value(),
        "headers": headers_of(message, reason),
    }


def headers_of_rejected(rejected: Rejected) -> Headers:
    """The headers for something that never was a message: a row of a source."""
    return {name: getattr(rejected, name).encode("utf-8", "replace") for name in ("source", "location", "reason")}


def rejected_of(letter: Message) -> Rejected:
    """What the headers of a dead letter say."""
    found = {name: (value or b"").decode("utf-8", "replace") for name, value in letter.headers() or []}
    place = f"partition {found.get('partition', '?')}, offset {found.get('offset', '?')}"
    return Rejected(
        found.get("topic") or found.get("source") or "unknown",
        found.get("location") or place,
        found.get("reason") or "no reason given",
        letter.value() or b"",
    )
