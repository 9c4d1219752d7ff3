"""The topic ``agents``, followed: from its beginning to its present end, and on."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from flead.bus.clients import consumer_options
from flead.topics import AGENTS

POLL_SECONDS = 0.2
DEADLINE_SECONDS = 30.0

Changes = list[tuple[str, bytes | None]]
"""Keys and values; no value: what was under the key is taken back."""


class AgentsTopic:
    """A reader of its own, who remembers where it is. Only what was committed is read."""

    def __init__(self, options: dict[str, str]) -> None:
        more = {"enable.partition.eof": True, "fetch.wait.max.ms": 50}
        self._consumer = Consumer(consumer_options(options, "agents", more))
        self._consumer.assign([TopicPartition(AGENTS, 0, OFFSET_BEGINNING)])
        self._end = 0
        """Everything before this offset was read."""
        self._found: Changes = []
        """What was read and not handed out yet: the end was not reached in time."""

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
                    end = min(end, self._end)  # an open transaction holds the rest back
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
