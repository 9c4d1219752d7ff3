"""Follows the topic ``agents``: from its beginning to its present end, and then whatever is new."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from flead.bus.clients import consumer_options
from flead.topics import AGENTS

POLL_SECONDS = 0.2
DEADLINE_SECONDS = 30.0

Changes = list[tuple[str, bytes | None]]
"""Keys and values; a missing value (a tombstone) deletes what was under the key."""


class AgentsTopic:
    """An independent reader that remembers its position. It reads committed records only."""

    def __init__(self, options: dict[str, str]) -> None:
        more = {"enable.partition.eof": True, "fetch.wait.max.ms": 50}
        self._consumer = Consumer(consumer_options(options, "agents", more))
        self._consumer.assign([TopicPartition(AGENTS, 0, OFFSET_BEGINNING)])
        self._end = 0
        """Everything before this offset was read."""
        self._found: Changes = []
        """Read but not returned yet, because the end was not reached in time."""

    def news(self, seconds: float = DEADLINE_SECONDS) -> Changes:
        """What is new up to the topic's present end, in order. KafkaException if that takes longer."""
        deadline = time.monotonic() + seconds
        _, end = self._consumer.get_watermark_offsets(TopicPartition(AGENTS, 0), seconds)
        while self._end < end:
            message = self._consumer.poll(POLL_SECONDS)
            error = message.error() if message else None
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    self._end = max(self._end, message.offset())
                    end = min(end, self._end)  # an open transaction blocks the rest
                elif error.fatal() or not error.retriable():
                    raise KafkaException(error)
            elif message is not None:
                self._end = message.offset() + 1
                self._found.append(((message.key() or b"").decode("utf-8", "replace"), message.value()))
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        found, self._found = self._found, []
        return found

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
