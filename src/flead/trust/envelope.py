"""A signed record on its way: as an MQTT payload, and as a Kafka message with headers.

The signature covers the bytes of the record and where they belong: Kafka's topic, the agent and its sequence number.
"""

from collections.abc import Mapping, Sequence

import msgspec

from flead.trust.keys import SigningKey, from_text, to_text, verify

DOMAIN = b"flead-1"
"""What makes these signatures none of another purpose's or of another form's."""

AGENT_HEADER = "flead-agent"
SEQUENCE_HEADER = "flead-sequence"
SIGNATURE_HEADER = "flead-signature"

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""An agent's name: it is part of a topic's name, and of what is signed."""


class Envelope(msgspec.Struct):
    """A record that an agent has signed."""

    agent: str
    sequence: int
    signature: str
    """In the alphabet of URLs."""
    record: msgspec.Raw
    """The bytes that were signed, a JSON object."""


def signed_bytes(topic: str, agent: str, sequence: int, record: bytes) -> bytes:
    """What is signed of a record that goes to this Kafka topic."""
    return b"\0".join((DOMAIN, topic.encode(), agent.encode(), str(sequence).encode(), record))


def seal(key: SigningKey, topic: str, agent: str, sequence: int, record: bytes) -> Envelope:
    """The record, signed for this Kafka topic."""
    signature = to_text(key.sign(signed_bytes(topic, agent, sequence, record)))
    return Envelope(agent, sequence, signature, msgspec.Raw(record))


def is_signed_by(public: str, topic: str, envelope: Envelope) -> bool:
    """Whether the holder of this public key sealed the envelope for this Kafka topic."""
    try:
        signature = from_text(envelope.signature)
    except ValueError:
        return False
    record = bytes(envelope.record)
    return verify(public, signed_bytes(topic, envelope.agent, envelope.sequence, record), signature)


def headers(envelope: Envelope) -> list[tuple[str, bytes]]:
    """What goes with the record in Kafka, where the message's value is the record, unchanged."""
    return [
        (AGENT_HEADER, envelope.agent.encode()),
        (SEQUENCE_HEADER, str(envelope.sequence).encode()),
        (SIGNATURE_HEADER, envelope.signature.encode()),
    ]


def from_headers(found: Sequence[tuple[str, bytes | str | None]] | None, value: bytes) -> Envelope | None:
    """The envelope of a Kafka message; None if it is not signed. Raises ValueError if it is only half signed."""
    if not found:
        return None
    named: Mapping[str, bytes | str | None] = dict(found)
    if AGENT_HEADER not in named and SIGNATURE_HEADER not in named:
        return None
    agent, sequence, signature = (_text(named, name) for name in (AGENT_HEADER, SEQUENCE_HEADER, SIGNATURE_HEADER))
    if not sequence.isascii() or not sequence.isdigit() or str(int(sequence)) != sequence:
        raise ValueError(f"{SEQUENCE_HEADER} is not a number")
    return Envelope(agent, int(sequence), signature, msgspec.Raw(value))


def _text(named: Mapping[str, bytes | str | None], name: str) -> str:
    value = named.get(name)
    if value is None:
        raise ValueError(f"without {name}")
    return value if isinstance(value, str) else value.decode()
