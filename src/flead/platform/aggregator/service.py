"""The aggregator service: local updates from Kafka in, global models out, each exactly once.

How a commit works, and why a crash at any point does no harm:

1. Updates are read (``read_committed``) and put into the buffer, one by one, in the order of their arrival.
2. The update that completes a round makes a global model. What is read at once may complete several rounds.
3. A Kafka transaction begins; the models go to ``global-model-updates``, invalid updates before the last of them
   to ``dead-letters``, and the offsets after the update that completed the last round are committed with them.
4. The transaction is committed. Before that none of it is visible; after it, all of it.
5. After a crash the aggregator resumes at the committed offsets, that is just after the last round's last update:
   what was in the buffer is read again, so that the buffer needs no store of its own. Version, round and the
   strategy's state are those of the newest global model.

A request on ``control`` to go back to an older global model is taken like an update that completes a round: the older
model is read from the topic and published as the next version, in a transaction that commits the offsets read so far.
The buffer is emptied with it, so that step 5 holds: versions have no gap, and a request is fulfilled exactly once.

Of an agent's device an update is taken once, by its version, and only if the agent has signed it; see
:mod:`flead.platform.aggregator.admission`. How far each device was taken goes to `agents` with the round's transaction,
so that step 5 holds for that, too. A request to enrol an agent, or to revoke one, is decided at once, in a transaction
of its own that commits the request's offset alone.

A second aggregator takes over the first one's transactional id; the first is fenced at its next transaction and ends.
"""

import logging
from collections import Counter, deque
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from prometheus_client import Counter as Metric
from prometheus_client import Gauge

from flead.boundary import MalformedError, record
from flead.bus.clients import consumer_options, kafka_options
from flead.bus.dead_letters import letter
from flead.bus.health import STARTING
from flead.bus.service import Service
from flead.errors import FleadError
from flead.federation.rounds import Rounds, rounds_of
from flead.platform.aggregator.admission import Admission, asks_for_agents
from flead.records import GlobalModel, LocalUpdate, Rollback
from flead.settings import Settings
from flead.topics import AGENTS, CONTROL, GLOBAL_MODELS, LOCAL_UPDATES
from flead.trust.enrolment import Changes, RefusedError

log = logging.getLogger("flead")

GROUP = "aggregator"
STATE_HEADER = "strategy-state"
"""Header of a transaction's last model: the strategy's state after it. The topic holds all that there is to rebuild."""

Ends = dict[tuple[str, int], int]

POLL_SECONDS = 0.2
BATCH = 2000
DEADLINE_SECONDS = 30.0

_decode_update = partial(record, LocalUpdate)
_decode_rollback = partial(record, Rollback)
_decode_model = partial(record, GlobalModel)
_encode = msgspec.json.Encoder().encode


class FencedError(FleadError):
    """Another aggregator has taken over."""


class Aggregator:
    """Merges what arrives on ``local-model-updates``; see the module's five steps."""

    def __init__(self, settings: Settings, rounds: Rounds, service: Service) -> None:
        self.rounds = rounds
        self._service = service
        self._options = kafka_options(settings)
        self._admission = Admission(settings)
        self._refused: list[tuple[Message, str]] = []
        self._ends: Ends = {}
        """The offset after the last message read, by topic and partition."""
        self._made: list[GlobalModel] = []
        """Models that are not published yet."""
        self._done: tuple[int, Ends] = (0, {})
        """How much was refused, and which offsets were reached, when the last of them was made."""
        self.ready = False
        """Whether it has partitions to read."""
        self.ended = False
        metrics = service.metrics
        self._updates = Metric("flead_updates", "Local updates merged into the buffer.", registry=metrics)
        self._ignored = Metric("flead_updates_refused", "Refused updates, by reason.", ["reason"], registry=metrics)
        self._repeated = Metric("flead_updates_repeated", "Updates that were repetitions.", registry=metrics)
        self._version = Gauge("flead_global_version", "Version of the newest global model.", registry=metrics)

    def run(self) -> None:
        """Run until the service is stopped; raises :class:`FencedError` when another aggregator has taken over."""
        producer = self._service.wait_for("Kafka", self._producer, KafkaException, then=STARTING)
        self._service.wait_for("the global models", self._recover, KafkaException, then=STARTING)
        self._service.wait_for("the agents", lambda: self._admission.recover(self._options), KafkaException)
        consumer = self._consumer(GROUP)
        consumer.subscribe([LOCAL_UPDATES, CONTROL], on_assign=self._assigned)
        try:
            while not self._service.stopping.is_set():
                requests, waiting = [], set()
                for message in consumer.consume(BATCH, POLL_SECONDS):
                    place = message.topic(), message.partition()
                    if asks_for_agents(message):
                        requests.append(message)
                    elif place not in waiting and self._admission.is_early(message):
                        waiting.add(place)
                        consumer.seek(TopicPartition(*place, message.offset()))
                    elif place not in waiting:
                        if message.topic() == CONTROL:
                            self._decide(requests, consumer, producer)
                            self._publish(consumer, producer)  # what may be gone back to is in the topic
                        self._take(message)
                self._decide(requests, consumer, producer)
                self._publish(consumer, producer)
                if waiting:
                    self._service.stopping.wait(POLL_SECONDS)
        finally:
            self.ended = True
            consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.fatal() or not error.retriable():
                raise KafkaException(error)
            log.warning("%s: %s", self._service.name, error)
            return
        read = self._roll_back if message.topic() == CONTROL else self._add
        model = None
        try:
            model = read(message)
        except RefusedError as refused:
            self._refused.append((message, str(refused)))
        self._ends[message.topic(), message.partition()] = message.offset() + 1
        if model is not None:
            self._made.append(model)
            self._admission.settle()
            self._done = len(self._refused), dict(self._ends)

    def _add(self, message: Message) -> GlobalModel | None:
        """Take in an update; the global model if it completed a round."""
        try:
            update = _decode_update(message.value() or b"")
        except MalformedError as problem:
            raise RefusedError(f"not a local update: {problem}") from None
        signed = self._admission.admit(message, update)
        if signed and self._admission.is_repeat(update):
            self._repeated.inc()
            return None
        reason = self.rounds.refusal(update)
        if reason is not None:
            raise RefusedError(reason)
        if signed:
            self._admission.take(update, message.timestamp()[1])
        self._updates.inc()
        return self.rounds.add(update)

    def _roll_back(self, message: Message) -> GlobalModel:
        """The model that a request asks for, as the next version."""
        try:
            request = _decode_rollback(message.value() or b"")
        except MalformedError as problem:
            raise RefusedError(f"not a rollback request: {problem}") from None
        for made in self._models():
            old = _decode_model(made.value())
            if old.version == request.rollback_to:
                reason = self.rounds.misfit(old.parameters)
                if reason is not None:
                    raise RefusedError(f"global model {old.version} belongs to another learner: {reason}")
                return self.rounds.publish(old.parameters, old, request.timestamp)
        raise RefusedError(f"there is no global model {request.rollback_to} to roll back to")

    def _publish(self, consumer: Consumer, producer: Producer) -> None:
        """Publish the models made since the last call, if there are any, with all that was read up to the last one."""
        if not self._made:
            return
        number, ends = self._done
        refused = self._refused[:number]
        newest = self._made[-1]
        messages: list[dict[str, Any]] = []
        for model in self._made:
            headers = {STATE_HEADER: self.rounds.strategy_state()} if model is newest else None
            value = _encode(model)
            messages.append(
                {"topic": GLOBAL_MODELS, "key": str(model.version), "value": value, "partition": 0, "headers": headers}
            )
        messages += [letter(message, reason) for message, reason in refused]
        self._commit(consumer, producer, messages + _agents(self._admission.settled()), ends)
        self._count(refused)
        del self._refused[:number]
        self._made.clear()
        self._version.set(newest.version)
        log.info(
            "global model %d of %d devices, accuracy %.3f", newest.version, newest.num_devices, newest.global_accuracy
        )

    def _decide(self, requests: list[Message], consumer: Consumer, producer: Producer) -> None:
        """Grant or refuse requests on agents, and commit nothing but that they were read. Empties the list."""
        if not requests:
            return
        changes: Changes = []
        refused: list[tuple[Message, str]] = []
        place = CONTROL, 0
        for request in requests:
            try:
                changes += self._admission.decide(request)
            except RefusedError as error:
                refused.append((request, str(error)))
            self._ends[place] = request.offset() + 1
        requests.clear()
        messages = _agents(changes) + [letter(message, reason) for message, reason in refused]
        self._commit(consumer, producer, messages, {place: self._ends[place]})
        self._count(refused)
        log.info("%s: %d changes of agents and their devices", self._service.name, len(changes))

    def _commit(self, consumer: Consumer, producer: Producer, messages: list[dict[str, Any]], ends: Ends) -> None:
        """Messages and offsets, all or nothing."""
        try:
            producer.begin_transaction()
            for message in messages:
                producer.produce(**message)
            offsets = [TopicPartition(*place, end) for place, end in ends.items()]
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), DEADLINE_SECONDS)
            producer.commit_transaction(DEADLINE_SECONDS)
        except KafkaException as problem:
            error: KafkaError = problem.args[0]
            if error.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
                raise FencedError(f"{self._service.name}: another aggregator has taken over; this one exits") from None
            raise

    def _count(self, refused: list[tuple[Message, str]]) -> None:
        for reason, count in Counter(reason for _, reason in refused).items():
            self._ignored.labels(reason).inc(count)

    def _producer(self) -> Producer:
        producer = Producer(
            self._options
            | {
                "transactional.id": "flead-aggregator",
                "enable.idempotence": True,
                "compression.type": "zstd",
                "linger.ms": 5,
            }
        )
        producer.init_transactions(DEADLINE_SECONDS)
        return producer

    def _consumer(self, group: str, more: dict[str, Any] | None = None) -> Consumer:
        return Consumer(consumer_options(self._options, group, {"fetch.wait.max.ms": 250, **(more or {})}))

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("%s: reading %d partitions of %s", self._service.name, len(partitions), LOCAL_UPDATES)
        self.ready = True

    def _recover(self) -> None:
        """Go on from the newest global model in the topic."""
        for newest in deque(self._models(), maxlen=1):
            state = dict(newest.headers() or []).get(STATE_HEADER)
            self.rounds.resume(_decode_model(newest.value()), state.encode() if isinstance(state, str) else state)
            self._version.set(self.rounds.version)

    def _models(self) -> Iterator[Message]:
        """The global models in the topic, in their order."""
        consumer = self._consumer(f"{GROUP}-recovery", {"enable.partition.eof": True})
        try:
            consumer.assign([TopicPartition(GLOBAL_MODELS, 0, OFFSET_BEGINNING)])
            while (message := self._next(consumer)) is not None:
                if message.value():
                    yield message
        finally:
            consumer.close()

    def _next(self, consumer: Consumer) -> Message | None:
        """The next message, None at the end of the partition; KafkaException when the topic cannot be read."""
        message = consumer.poll(DEADLINE_SECONDS)
        if message is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        error = message.error()
        if error is None:
            return message
        if error.code() == KafkaError._PARTITION_EOF:
            return None
        raise KafkaException(error)


def _agents(changes: Changes) -> list[dict[str, Any]]:
    return [{"topic": AGENTS, "key": key, "value": value, "partition": 0} for key, value in changes]


def run(settings: Settings) -> None:
    """``flead service aggregator``, until it is told to stop."""
    service = Service("aggregator", settings.aggregator_port)
    with service.running():
        Aggregator(settings, rounds_of(settings), service).run()
