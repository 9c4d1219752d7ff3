"""A Kafka partition's shard: messages in, messages out. What Flink calls; it knows nothing of Flink.

Messages come as their values and, beside them, the heads of :mod:`flead.codec.frames`. What goes out is put into one
string a topic, which Flink's SQL takes apart: anomalies and updates as lines ``key KEY json``, dead letters in Latin-1,
as ``offset FIELD reason FIELD key FIELD value MESSAGE ...``.
"""

import logging
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from flead.boundary import record
from flead.codec.decode import Decoder
from flead.codec.encode import encode_lines
from flead.codec.frames import FIELD, LATIN_1, MESSAGE, places
from flead.records import Anomaly, GlobalModel, LocalUpdate
from flead.settings import ModelSettings
from flead.shard import outputs
from flead.shard.shard import Shard
from flead.shard.state import restore, snapshot

log = logging.getLogger("flead")

KEY = "\x1f"
"""Between a message's key and its JSON: neither has control characters."""

_decode_model = partial(record, GlobalModel)


class Produced(NamedTuple):
    """The output of a call, by topic; empty where there is none."""

    anomalies: str = ""
    updates: str = ""
    dead_letters: str = ""


class Partition:
    """The shard of one partition, going on from its stored state. StateError where that is damaged.

    After a change of learner its devices learn anew from here on: ``flead up`` asks before it comes to that.
    """

    def __init__(self, settings: ModelSettings, stored: dict[str, bytes]) -> None:
        self._shard = Shard(settings)
        if stored:
            changed = restore(self._shard, stored, anew=True)
            if changed:
                log.warning("training: the devices start learning from scratch: %s", changed.partition(":")[0])
        self._decoder = Decoder(self._shard.devices)

    def observe(self, values: Sequence[bytes], heads: bytes) -> Produced:
        """Judge readings and learn from them."""
        chunk = self._decoder.messages(values, str)
        letters = _letters(
            heads, [(*_place(refused.location, refused.reason), refused.raw) for refused in chunk.rejected]
        )
        if not chunk.batch.size:
            return Produced(dead_letters=letters)
        outcome = self._shard.observe(chunk.batch)
        return Produced(
            _lines(outputs.anomalies(self._shard, outcome)),
            _lines(outputs.local_updates(self._shard, outcome)),
            letters,
        )

    def adopt(self, values: Sequence[bytes], heads: bytes) -> Produced:
        """Adopt global models; those of another learner become dead letters."""
        refused = []
        for message, value in enumerate(values):
            try:
                self._shard.adopt(_decode_model(value))
            except ValueError as error:
                refused.append((message, f"not a global model of this learner: {error}", value))
        return Produced(dead_letters=_letters(heads, refused))

    def changed(self) -> dict[str, bytes]:
        """The parts of the state that have changed since the last call."""
        return snapshot(self._shard)


def _lines(records: Sequence[Anomaly | LocalUpdate]) -> str:
    lines = encode_lines(records).decode().split("\n")[:-1]  # splitlines() knows more ends of lines than JSON
    return "\n".join([record.device_id + KEY + line for record, line in zip(records, lines, strict=True)])


def _place(location: str, reason: str) -> tuple[int, str]:
    """The decoder's word for a place, ``12`` or ``12, line 3``, as the message and the reason with its line."""
    message, _, line = location.partition(", ")
    return int(message), f"{line}: {reason}" if line else reason


def _letters(heads: bytes, refused: Sequence[tuple[int, str, bytes]]) -> str:
    """What was refused, each with its message, why and its bytes, as dead letters."""
    if not refused:
        return ""
    known, letters = places(heads), []
    for message, reason, raw in refused:
        offset, key = known[message]
        parts = str(offset).encode(), reason.encode(), key, raw
        letters.append(FIELD.join(part.decode(LATIN_1) for part in parts))
    return MESSAGE.join(letters)
