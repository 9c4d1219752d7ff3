"""What is on `dead-letters`: the bytes as they came, and headers that say where they were and why they were refused."""

from typing import Any

from confluent_kafka import Message

from flead.records import Rejected
from flead.topics import DEAD_LETTERS
from flead.trust.envelope import AGENT_HEADER

Headers = dict[str, str | bytes]


def headers_of(message: Message, reason: str) -> Headers:
    """The headers for a message that was refused; its key and value go with them unchanged."""
    agent: str | bytes = dict(message.headers() or []).get(AGENT_HEADER) or ""
    return {
        "topic": message.topic() or "",
        "partition": str(message.partition()),
        "offset": str(message.offset()),
        "reason": reason,
    } | ({AGENT_HEADER: agent} if agent else {})


def letter(message: Message, reason: str) -> dict[str, Any]:
    """What a producer is to produce for a message that was refused."""
    return {
        "topic": DEAD_LETTERS,
        "key": message.key(),
        "value": message.value(),
        "headers": headers_of(message, reason),
    }


def headers_of_rejected(rejected: Rejected) -> Headers:
    """The headers for what never was a message: a source's row."""
    return {name: getattr(rejected, name).encode("utf-8", "replace") for name in ("source", "location", "reason")}


def rejected_of(letter: Message) -> Rejected:
    """What a dead letter tells."""
    found = {name: (value or b"").decode("utf-8", "replace") for name, value in letter.headers() or []}
    place = f"partition {found.get('partition', '?')}, offset {found.get('offset', '?')}"
    return Rejected(
        found.get("topic") or found.get("source") or "unknown",
        found.get("location") or place,
        found.get("reason") or "no reason given",
        letter.value() or b"",
    )
