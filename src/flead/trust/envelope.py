"""A signed record on its way. Signed are its bytes, and where they belong: Kafka's topic, the agent, a sequence number.

An agent signs several records at once: the signature is of the root of their tree (:mod:`flead.trust.tree`), and each
record has its proof with it, so that whoever finds it alone on Kafka can check it alone.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from flead.trust import tree
from flead.trust.keys import SigningKey, from_text, to_text, verify

DOMAIN = b"flead-1"
"""What makes these signatures none of another purpose's or of another form's."""

AGENT_HEADER = "flead-agent"
SEQUENCE_HEADER = "flead-sequence"
SIGNATURE_HEADER = "flead-signature"
PROOF_HEADER = "flead-proof"

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""An agent's name: it is part of a topic's name, and of what is signed."""

LONGEST_PROOF = 16
"""Hashes: nobody signs more than 65,536 records at once."""

_verify = lru_cache(maxsize=4096)(verify)
"""The records of a tree come one after the other, all with the same root and signature."""


class Item(NamedTuple):
    """A record that is to be signed."""

    topic: str
    """Kafka's."""
    sequence: int
    record: bytes


class Envelope(msgspec.Struct, frozen=True):
    """A record that an agent has signed, alone or with others."""

    agent: str
    sequence: int
    signature: bytes
    """Of the root."""
    record: bytes
    proof: tuple[bytes, ...] = ()
    """From the record to the root; nothing, where the record was signed alone."""


def signed_bytes(topic: str, agent: str, sequence: int, record: bytes) -> bytes:
    """What is signed of a record that goes to this Kafka topic: a leaf of the tree."""
    return b"\0".join((DOMAIN, topic.encode(), agent.encode(), str(sequence).encode(), record))


def sign(key: SigningKey, agent: str, items: Sequence[Item]) -> bytes:
    """An agent's one signature for these records."""
    return key.sign(_of_root(tree.grow(_leaves(agent, items))[0]))


def envelopes(agent: str, items: Sequence[Item], signature: bytes) -> list[Envelope]:
    """Each of the records that were signed together, with what proves it alone. Whether that is so is not checked."""
    _, proofs = tree.grow(_leaves(agent, items))
    return [
        Envelope(agent, item.sequence, signature, item.record, proof)
        for item, proof in zip(items, proofs, strict=True)
    ]  # fmt: skip


def seal(key: SigningKey, topic: str, agent: str, sequence: int, record: bytes) -> Envelope:
    """The record, signed alone for this Kafka topic."""
    items = [Item(topic, sequence, record)]
    return envelopes(agent, items, sign(key, agent, items))[0]


def is_signed_by(public: str, topic: str, envelope: Envelope) -> bool:
    """Whether the holder of this public key sealed the envelope for this Kafka topic."""
    leaf = tree.leaf_of(signed_bytes(topic, envelope.agent, envelope.sequence, envelope.record))
    return _verify(public, _of_root(tree.root_of(leaf, envelope.proof)), envelope.signature)


def headers(envelope: Envelope) -> list[tuple[str, bytes]]:
    """What goes with the record in Kafka, where the message's value is the record, unchanged."""
    found = [
        (AGENT_HEADER, envelope.agent.encode()),
        (SEQUENCE_HEADER, str(envelope.sequence).encode()),
        (SIGNATURE_HEADER, to_text(envelope.signature).encode()),
    ]
    proof = to_text(b"".join(envelope.proof)).encode()
    return [*found, (PROOF_HEADER, proof)] if proof else found


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
    proof = from_text(_text(named, PROOF_HEADER)) if PROOF_HEADER in named else b""
    if len(proof) % tree.SIZE or len(proof) > LONGEST_PROOF * tree.SIZE:
        raise ValueError(f"{PROOF_HEADER} is none")
    hashes = tuple(proof[i : i + tree.SIZE] for i in range(0, len(proof), tree.SIZE))
    return Envelope(agent, int(sequence), from_text(signature), value, hashes)


def _leaves(agent: str, items: Sequence[Item]) -> list[bytes]:
    return [tree.leaf_of(signed_bytes(item.topic, agent, item.sequence, item.record)) for item in items]


def _of_root(root: bytes) -> bytes:
    return DOMAIN + b"\0root\0" + root


def _text(named: Mapping[str, bytes | str | None], name: str) -> str:
    value = named.get(name)
    if value is None:
        raise ValueError(f"without {name}")
    return value if isinstance(value, str) else value.decode()
