"""What an agent publishes by MQTT: a parcel of several records under one signature.

A parcel is its records, packed (:mod:`flead.codec.packing`), and behind them the signature, 64 bytes. Before it is
packed, each record is a line: by how much its sequence number is above the one before, a letter for its Kafka topic,
the record. The agent's name is that in MQTT's topic, and the signature covers it.
"""

import re
from collections.abc import Iterator, Sequence

from flead.codec.packing import pack, unpack
from flead.topics import ANOMALIES, CONTROL, LOCAL_UPDATES
from flead.trust.envelope import Envelope, Item, envelopes, sign
from flead.trust.keys import SigningKey

MOST, MOST_BYTES = 64, 250_000
"""Records in a parcel, and bytes of them, unless one alone has more: so a proof is six hashes at most."""

SIGNATURE = 64
"""Bytes."""

_LETTERS = {LOCAL_UPDATES: "u", ANOMALIES: "a", CONTROL: "c"}
_TOPICS = {letter: topic for topic, letter in _LETTERS.items()}
_LINE = re.compile(rb"(\d{1,18})([uac])(\{.*)")


def parcels(key: SigningKey, agent: str, items: Sequence[Item]) -> Iterator[bytes]:
    """As many parcels as these records need, which come by rising sequence numbers."""
    start = size = 0
    for i, item in enumerate(items):
        if i > start and (i - start == MOST or size + len(item.record) > MOST_BYTES):
            yield _parcel(key, agent, items[start:i])
            start, size = i, 0
        size += len(item.record)
    if items:
        yield _parcel(key, agent, items[start:])


def opened(agent: str, payload: bytes) -> list[tuple[str, Envelope]]:
    """Kafka's topic and the envelope of each record; whether it is rightly signed is not checked.

    ValueError if it is no parcel.
    """
    items: list[Item] = []
    sequence = 0
    for line in unpack(payload[:-SIGNATURE]).split(b"\n"):
        found = _LINE.fullmatch(line)
        if found is None or len(items) == MOST:
            raise ValueError("a line is no record, or there are too many")
        sequence += int(found[1])
        items.append(Item(_TOPICS[found[2].decode()], sequence, found[3]))
    sealed = envelopes(agent, items, payload[-SIGNATURE:])
    return [(item.topic, envelope) for item, envelope in zip(items, sealed, strict=True)]


def _parcel(key: SigningKey, agent: str, items: Sequence[Item]) -> bytes:
    lines, before = [], 0
    for item in items:
        lines.append(b"%d%b%b" % (item.sequence - before, _LETTERS[item.topic].encode(), item.record))
        before = item.sequence
    return pack(b"\n".join(lines)) + sign(key, agent, items)
