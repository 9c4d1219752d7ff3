"""A Kafka partition's shard: messages in, records out.

For Flink messages come as their values and, beside them, the heads of :mod:`flead.codec.frames`. What goes out is put
into one string a topic, which Flink's SQL takes apart: anomalies and updates as lines ``key KEY json``, dead letters in
Latin-1, as ``offset FIELD reason FIELD key FIELD value MESSAGE ...``.
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


class Refused(NamedTuple):
    """What is no reading or no global model: the number of its message, why, and its bytes."""

    message: int
    reason: str
    raw: bytes


class Judged(NamedTuple):
    """What came of some messages."""

    anomalies: Sequence[Anomaly]
    updates: Sequence[LocalUpdate]
    refused: Sequence[Refused]


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

    def judge(self, values: Sequence[bytes]) -> Judged:
        """Judge readings and learn from them."""
        chunk = self._decoder.messages(values, str)
        refused = [Refused(*_place(one.location, one.reason), one.raw) for one in chunk.rejected]
        if not chunk.batch.size:
            return Judged((), (), refused)
        outcome = self._shard.observe(chunk.batch)
        return Judged(outputs.anomalies(self._shard, outcome), outputs.local_updates(self._shard, outcome), refused)

    def adopt_models(self, values: Sequence[bytes]) -> list[Refused]:
        """Adopt global models; those of another learner are refused."""
        refused = []
        for message, value in enumerate(values):
            try:
                self._shard.adopt(_decode_model(value))
            except ValueError as error:
                refused.append(Refused(message, f"not a global model of this learner: {error}", value))
        return refused

    def observe(self, values: Sequence[bytes], heads: bytes) -> Produced:
        """:meth:`judge`, for Flink."""
        judged = self.judge(values)
        return Produced(_lines(judged.anomalies), _lines(judged.updates), _letters(heads, judged.refused))

    def adopt(self, values: Sequence[bytes], heads: bytes) -> Produced:
        """:meth:`adopt_models`, for Flink."""
        return Produced(dead_letters=_letters(heads, self.adopt_models(values)))

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


def _letters(heads: bytes, refused: Sequence[Refused]) -> str:
    """What was refused, each with its message, why and its bytes, as dead letters."""
    if not refused:
        return ""
    known, letters = places(heads), []
    for message, reason, raw in refused:
        offset, key = known[message]
        parts = str(offset).encode(), reason.encode(), key, raw
        letters.append(FIELD.join(part.decode(LATIN_1) for part in parts))
    return MESSAGE.join(letters)
