"""The global models on the bus, as the auditor needs them: those of a stretch of time."""

from bisect import bisect_right
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from flead.boundary import MalformedError, record
from flead.bus.clients import consumer_options
from flead.evaluation.arrivals import Arrived
from flead.records import GlobalModel
from flead.topics import GLOBAL_MODELS

DEADLINE_SECONDS = 30.0
BACK = 1000
"""Offsets before a moment among which a model is found if there is one: each takes two, its transaction's end one."""
KEPT = 10 * 60_000
"""Milliseconds that models are remembered behind what was asked for last: partitions are not read quite abreast."""
MOST = 500
"""GlobalModels handed out at once."""

FOREVER = 2**62

_decode = partial(record, GlobalModel)


class Covered(NamedTuple):
    """The models for readings that arrive from ``first`` to ``last``, in milliseconds since the epoch."""

    first: int
    last: int
    models: list[Arrived]

    def covers(self, first: int, last: int) -> bool:
        """Whether readings that arrive between these times find all their models here."""
        return self.first <= first and last <= self.last


class GlobalModels:
    """What is committed on ``global-model-updates``; what is no model is left out. Raises KafkaException."""

    def __init__(self, options: dict[str, str]) -> None:
        more = {"auto.offset.reset": "latest", "enable.partition.eof": True, "fetch.wait.max.ms": 50, "log_level": 3}
        self._consumer = Consumer(consumer_options(options, "evaluation", more))
        self._models: list[Arrived] = []
        self._first: int | None = None  # from here on all are known
        self._next = 0

    def between(self, first: int, last: int | None = None) -> Covered:
        """The models for readings that arrive from ``first`` on: up to ``last``, or as many as are handed out."""
        if self._first is None or first < self._first:
            self._go_to(first)
        self._read()
        times = [model.time for model in self._models]
        start = max(bisect_right(times, first) - 1, 0)
        stop = min(start + MOST, len(times)) if last is None else bisect_right(times, last)
        until = times[stop] - 1 if stop < len(times) else FOREVER
        found = Covered(first, until, self._models[start:stop])
        self._forget(first - KEPT)
        return found

    def close(self) -> None:
        """Close the connection to Kafka."""
        self._consumer.close()

    def _go_to(self, moment: int) -> None:
        """Restart with the newest model that had arrived by then."""
        (found,) = self._consumer.offsets_for_times([TopicPartition(GLOBAL_MODELS, 0, moment)], DEADLINE_SECONDS)
        low, high = self._consumer.get_watermark_offsets(TopicPartition(GLOBAL_MODELS, 0), DEADLINE_SECONDS)
        self._next = max(low, (found.offset if found.offset >= 0 else high) - BACK)
        self._models.clear()
        self._first = moment

    def _read(self) -> None:
        """Everything up to the present end: an assignment is told of it anew."""
        self._consumer.assign([TopicPartition(GLOBAL_MODELS, 0, self._next)])
        while (message := self._consumer.poll(DEADLINE_SECONDS)) is not None:
            error = message.error()
            if error is None:
                self._take(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._consumer.unassign()  # it would go on asking until the next time
                return
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    def _take(self, message: Message) -> None:
        self._next = message.offset() + 1
        with suppress(MalformedError):  # another learner's: the training job has made a dead letter of it
            self._models.append(Arrived(message.timestamp()[1], _decode(message.value() or b"")))

    def _forget(self, moment: int) -> None:
        """Keep the newest of the models that had arrived by then, and all later ones."""
        old = bisect_right([model.time for model in self._models], moment) - 1
        if old > 0:
            del self._models[:old]
            self._first = self._models[0].time
