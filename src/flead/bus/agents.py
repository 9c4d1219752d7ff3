"""The topic ``agents``, followed: from its beginning to its present end, and on."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from flead.bus.topics import AGENTS

BATCH = 2000
DEADLINE_SECONDS = 30.0

Changes = list[tuple[str, bytes | None]]
"""Keys and values; no value: what was under the key is taken back."""


class AgentsTopic:
    """A reader of its own, who remembers where it is. Only what was committed is read."""

    def __init__(self, options: dict[str, str]) -> None:
        self._consumer = Consumer(
            options
            | {
                "group.id": "agents",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
            }
        )
        self._consumer.assign([TopicPartition(AGENTS, 0, OFFSET_BEGINNING)])
        self._end = 0
        """Everything before this offset was read."""

    def news(self, seconds: float = DEADLINE_SECONDS) -> Changes:
        """What is new up to the topic's present end, in order. KafkaException if that takes longer."""
        deadline = time.monotonic() + seconds
        _, end = self._consumer.get_watermark_offsets(TopicPartition(AGENTS, 0), seconds)
        found: Changes = []
        while self._end < end:
            for message in self._consumer.consume(BATCH, 0.2):
                error = message.error()
                if error is None:
                    self._end = message.offset() + 1
                    found.append(((message.key() or b"").decode("utf-8", "replace"), message.value()))
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._end = max(self._end, message.offset())
                    end = min(end, self._end)  # an open transaction holds the rest back
                elif error.fatal() or not error.retriable():
                    raise KafkaException(error)
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return found

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
