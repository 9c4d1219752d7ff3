"""A Kafka partition's shard: messages in, messages out. What Flink calls; it knows nothing of Flink.

Messages come in the frames of :mod:`flead.bus.frames`. What goes out is put into one string a topic, which Flink's
SQL takes apart: anomalies and updates as lines ``key KEY json``, dead letters as frames of their own, in Latin-1.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from flead.bus.decode import Decoder
from flead.bus.encode import encode_lines
from flead.bus.frames import FIELD, LATIN_1, MESSAGE, Messages, messages
from flead.records import Anomaly, GlobalModel, LocalUpdate
from flead.settings import Settings
from flead.training import outputs
from flead.training.fleet import Shard
from flead.training.state import restore, snapshot

log = logging.getLogger("flead")

KEY = "\x1f"
"""Between a message's key and its JSON: neither has control characters."""

_decode_model = msgspec.json.Decoder(GlobalModel).decode


class Produced(NamedTuple):
    """What a call brought forth, by topic; empty where there is nothing."""

    anomalies: str = ""
    updates: str = ""
    dead_letters: str = ""


class Partition:
    """The shard of one partition, going on from its stored state. StateError where that is damaged.

    After a change of learner its devices learn anew from here on: ``flead up`` asks before it comes to that.
    """

    def __init__(self, settings: Settings, stored: dict[str, bytes]) -> None:
        self._shard = Shard(settings)
        if stored:
            changed = restore(self._shard, stored, anew=True)
            if changed:
                log.warning("training: the devices learn anew, for %s", changed.partition(":")[0])
        self._decoder = Decoder(self._shard.devices)

    def observe(self, frames: bytes) -> Produced:
        """Judge readings and learn from them."""
        found = messages(frames)
        chunk = self._decoder.decode(found.values, found.bounds, str)
        letters = [_letter(found, *_place(refused.location), refused.reason, refused.raw) for refused in chunk.rejected]
        if not chunk.batch.size:
            return Produced(dead_letters=MESSAGE.join(letters))
        outcome = self._shard.observe(chunk.batch)
        return Produced(
            _lines(outputs.anomalies(self._shard, outcome)),
            _lines(outputs.local_updates(self._shard, outcome)),
            MESSAGE.join(letters),
        )

    def adopt(self, frames: bytes) -> Produced:
        """Take global models; what is none of this learner's is a dead letter."""
        found, letters = messages(frames), []
        for i in range(len(found.offsets)):
            value = found.values[found.bounds[i] : found.bounds[i + 1]]
            try:
                self._shard.adopt(_decode_model(value))
            except (msgspec.MsgspecError, ValueError) as error:
                letters.append(_letter(found, i, "", f"not a global model of this learner: {error}", value))
        return Produced(dead_letters=MESSAGE.join(letters))

    def changed(self) -> dict[str, bytes]:
        """The parts of the state that have changed since the last call."""
        return snapshot(self._shard)


def _lines(records: Sequence[Anomaly | LocalUpdate]) -> str:
    lines = encode_lines(records).decode().split("\n")[:-1]  # splitlines() knows more ends of lines than JSON
    return "\n".join([record.device_id + KEY + line for record, line in zip(records, lines, strict=True)])


def _place(location: str) -> tuple[int, str]:
    """The decoder's word for a place, ``12`` or ``12, line 3``: the message, and which of its lines."""
    message, _, line = location.partition(", ")
    return int(message), line


def _letter(found: Messages, message: int, line: str, reason: str, raw: bytes) -> str:
    """A dead letter: its offset, why, its key, its bytes."""
    why = f"{line}: {reason}" if line else reason
    parts = (str(found.offsets[message]).encode(), why.encode(), found.key(message), raw)
    return FIELD.join(part.decode(LATIN_1) for part in parts)
