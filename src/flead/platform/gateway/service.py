"""The gateway service: between MQTT, which agents speak, and Kafka.

1. An agent's parcel is opened; each of its records is checked against the register of agents and goes to Kafka as it
   was signed, with what proves that.
2. An agent gets an acknowledgement only once Kafka has acknowledged its message; it sends again whatever is not
   acknowledged. So a message may come twice, and aggregator and collector count it once.
3. A message of an agent that is not enrolled waits a moment for the enrolment, then it is refused.
4. A refused message goes to `dead-letters` with the reason, and the agent is told.

The aggregator decides on enrolments and checks again, since writers to Kafka can bypass the gateway.
"""

import logging
import queue
import re
import time
from collections import defaultdict, deque

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from prometheus_client import Counter, Gauge

from flead.boundary import MalformedError
from flead.bus.agent_news import AgentsTopic
from flead.bus.clients import consumer_options, kafka_options
from flead.bus.health import waiting_for
from flead.bus.service import Service
from flead.codec.answers import Refused, answer
from flead.codec.packing import pack
from flead.codec.parcels import opened
from flead.platform.gateway.messages import decode_state, device_of
from flead.platform.gateway.mqtt import AgentsBroker
from flead.settings import Settings
from flead.topics import (
    ACK,
    AGENTS,
    CONTROL,
    DEAD_LETTERS,
    ENROL,
    GLOBAL_MODELS,
    MQTT_GLOBAL,
    STATE,
    UP,
    mqtt_topic,
)
from flead.trust.enrolment import RefusedError, enrol
from flead.trust.envelope import AGENT_HEADER, NAME_PATTERN, Envelope, headers
from flead.trust.register import AGENT, DEVICE, Register
from flead.trust.register import STATE as STATE_KEY

GLOBAL_SECONDS = 60.0
"""Seconds between two global models to the agents: a device trains once a minute, and may pay for every byte."""
HOLD_SECONDS = 60.0
"""For the aggregator to enrol an agent whose messages are there already."""
LOOK_SECONDS = 0.5
"""Between two looks at the topic of agents."""
BATCH = 500
MOST_HELD = 20_000
LETTERS_PER_LOOK = 100
"""Refused messages that are kept as dead letters between two looks; a flood of more is only counted."""
NEWEST = 50
"""Offsets before the end among which the newest global model is: a model takes two, its transaction's mark is one."""

LONGEST_LETTER, LONGEST_PLACE = 256 << 10, 200
"""Bytes of a refused message, and characters of its topic, that a dead letter keeps: Kafka takes a megabyte at most."""

NO_NAME = "sent under what is no name of an agent"
TOO_LARGE = "larger than what Kafka takes"
UNFORESEEN = "unforeseen"
NO_PARCEL = "not a parcel of signed records"
OTHER_NAME = "sent under another agent's name"
NO_RECORD = "not a record of its topic"

log = logging.getLogger("flead")


class Gateway:
    """Carries between MQTT and Kafka; see the module's four steps."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self._settings = settings
        self._service = service
        self._register = Register(settings.signed_only)
        self._received: defaultdict[str, list[int]] = defaultdict(list)
        self._not_believed: defaultdict[str, list[Refused]] = defaultdict(list)
        self._in_flight: set[tuple[str, int]] = set()
        self._held: deque[tuple[float, str, Envelope]] = deque()
        self._strangers: dict[str, bytes] = {}
        """How agents are that are not enrolled yet: they say so once, in the moment in which they ask to be."""
        self._newest = b""
        """The newest global model, until it is published."""
        self._published = float("-inf")
        self._letters = 0
        self._unforeseen: set[type[Exception]] = set()
        """Defects whose traceback the log has."""
        self._failed: KafkaError | None = None
        self._mqtt = AgentsBroker(settings)
        metrics = service.metrics
        self._carried = Counter(
            "flead_gateway_messages", "Messages forwarded to Kafka, by kind.", ["kind"], registry=metrics
        )
        self._refused = Counter("flead_gateway_refused", "Messages refused, by reason.", ["reason"], registry=metrics)
        self._waiting = Gauge("flead_gateway_held", "Messages waiting for an enrolment.", registry=metrics)

    def run(self) -> None:
        """Run until the service is stopped. KafkaException if Kafka can no longer be written to."""
        self._producer = Producer(
            kafka_options(self._settings)
            | {
                "enable.idempotence": True,
                "linger.ms": 20,
                "compression.type": "zstd",
                "message.timeout.ms": 0,
                "error_cb": self._on_error,
            }
        )
        self._agents = self._service.wait_for("the topic of agents", self._open_agents, KafkaException)
        models = self._service.wait_for("the global models", self._open_models, KafkaException)
        self._mqtt.start()
        self._service.health = self._mqtt.health
        looked = 0.0
        try:
            while not self._service.stopping.is_set():
                self._carry()
                self._producer.poll(0)
                if self._failed is not None:
                    raise KafkaException(self._failed)
                if time.monotonic() - looked >= LOOK_SECONDS:
                    looked = time.monotonic()
                    self._answer()
                    self._look(models)
        finally:
            self._producer.flush(5)
            self._answer()
            self._mqtt.close()
            models.close()
            self._agents.close()

    @property
    def ready(self) -> bool:
        """Whether it is subscribed to the agents' messages."""
        return self._mqtt.health.is_good

    def _carry(self) -> None:
        """Take in what has arrived by MQTT; wait a moment if there is nothing."""
        wait = 0.05
        for _ in range(BATCH):
            try:
                topic, payload = self._mqtt.inbox.get(timeout=wait) if wait else self._mqtt.inbox.get_nowait()
            except queue.Empty:
                return
            wait = 0.0
            self._receive(topic, payload)

    def _receive(self, place: str, payload: bytes) -> None:
        """Handle one message; whatever it is, the next one is handled too."""
        _, agent, kind = place.split("/", 2)
        try:
            if not re.fullmatch(NAME_PATTERN, agent):
                self._letter("", place[:LONGEST_PLACE], "", payload, NO_NAME)
            elif kind == STATE:
                self._take_state(agent, payload)
            elif payload:
                self._take(agent, place, payload)
        except KafkaException:
            raise
        except Exception as error:  # a defect of ours costs the message that shows it, and not the service
            if type(error) not in self._unforeseen:
                self._unforeseen.add(type(error))
                log.exception("gateway: a message on %s was not handled", place)
            self._letter(agent, place, "", payload, f"{UNFORESEEN}: {type(error).__name__}")

    def _take(self, agent: str, place: str, payload: bytes) -> None:
        try:
            records = opened(agent, payload)
        except ValueError as error:
            self._letter(agent, place, "", payload, f"{NO_PARCEL}: {error}")
            return
        until = time.monotonic() + HOLD_SECONDS
        for topic, envelope in records:
            if topic == CONTROL:
                self._take_enrolment(envelope)
            elif (agent, envelope.sequence) not in self._in_flight:
                self._judge(topic, envelope, until)

    def _judge(self, topic: str, envelope: Envelope, until: float) -> None:
        """Forward it to Kafka if it is trusted; hold it for a while if it may be soon."""
        try:
            device = device_of(topic, envelope.record)
        except MalformedError as error:
            self._refuse(topic, envelope, f"{NO_RECORD}: {error}")
            return
        verdict = self._register.judge(topic, envelope, device)
        if verdict.refusal is None:
            self._send(topic, envelope, device)
        elif not verdict.is_final and time.monotonic() < until and len(self._held) < MOST_HELD:
            self._held.append((until, topic, envelope))
        else:
            self._refuse(topic, envelope, verdict.refusal)

    def _send(self, topic: str, envelope: Envelope, device: str) -> None:
        place = (envelope.agent, envelope.sequence)

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._in_flight.discard(place)
            if error is None:
                self._received[envelope.agent].append(envelope.sequence)
                self._carried.labels(topic).inc()
            else:
                log.error("gateway: Kafka refused a message of %s: %s", envelope.agent, error.str())

        try:
            self._producer.produce(topic, envelope.record, device, headers=headers(envelope), on_delivery=delivered)
        except BufferError:  # Kafka is slow or away: the agent sends it again
            return
        except KafkaException as error:
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            self._refuse(topic, envelope, TOO_LARGE)
            return
        self._in_flight.add(place)

    def _take_enrolment(self, envelope: Envelope) -> None:
        try:
            if enrol(self._register, envelope, self._settings.enrolment):
                self._put(CONTROL, envelope.record, envelope.agent, headers(envelope), 0)
        except RefusedError as refused:
            self._letter(envelope.agent, mqtt_topic(envelope.agent, ENROL), CONTROL, envelope.record, str(refused))

    def _take_state(self, agent: str, payload: bytes) -> None:
        try:
            if decode_state(payload).agent != agent:
                raise ValueError(OTHER_NAME)
        except ValueError as error:
            if payload:  # empty: a retained state that was removed
                log.warning("gateway: no state of %s: %s", agent, error)
            return
        if agent in self._register.agents:
            self._put(AGENTS, payload, STATE_KEY + agent, [], 0)
        elif agent in self._strangers or len(self._strangers) < MOST_HELD:
            self._strangers[agent] = payload

    def _put(self, topic: str, value: bytes, key: str, more: list[tuple[str, bytes]], partition: int = -1) -> None:
        """Forward it to Kafka without waiting for a delivery report."""
        try:
            self._producer.produce(topic, value, key, partition, headers=more)
        except BufferError:
            log.warning("gateway: no room for a message to %s while Kafka is away", topic)

    def _refuse(self, topic: str, envelope: Envelope, reason: str) -> None:
        self._not_believed[envelope.agent].append(Refused(envelope.sequence, reason))
        self._letter(envelope.agent, mqtt_topic(envelope.agent, UP), topic, envelope.record, reason)

    def _letter(self, agent: str, place: str, topic: str, value: bytes, reason: str) -> None:
        self._refused.labels(reason.partition(":")[0]).inc()
        self._letters += 1
        if self._letters <= LETTERS_PER_LOOK:
            told = {"topic": topic, "location": f"MQTT topic {place}", "reason": reason, AGENT_HEADER: agent}
            more = [(name, text.encode("utf-8", "replace")) for name, text in told.items()]
            self._put(DEAD_LETTERS, value[:LONGEST_LETTER], agent, more)

    def _answer(self) -> None:
        """Tell the agents what has arrived, and what was refused."""
        for agent in self._received.keys() | self._not_believed.keys():
            told = answer(self._received[agent], self._not_believed[agent])
            self._mqtt.publish(mqtt_topic(agent, ACK), told)
        self._received.clear()
        self._not_believed.clear()

    def _look(self, models: Consumer) -> None:
        """What is new on Kafka: the register, and with it what was held; the newest global model."""
        self._letters = 0
        try:
            news = self._agents.news(5)
        except KafkaException as error:
            self._service.health = waiting_for("Kafka", error.args[0].str())
            return
        self._service.health = self._mqtt.health
        for key, value in news:
            self._register.take(key, value)
        for agent in self._strangers.keys() & self._register.agents:
            self._put(AGENTS, self._strangers.pop(agent), STATE_KEY + agent, [], 0)
        if any(key.startswith((AGENT, DEVICE)) for key, _ in news) or self._held:
            held, self._held = self._held, deque()
            for until, kind, envelope in held:
                self._judge(kind, envelope, until)
        self._waiting.set(len(self._held))
        for message in models.consume(NEWEST, 0.0):
            self._newest = message.value() or self._newest if message.error() is None else self._newest
        if self._newest and time.monotonic() - self._published >= GLOBAL_SECONDS:
            self._mqtt.publish(MQTT_GLOBAL, pack(self._newest), retain=True)
            self._newest, self._published = b"", time.monotonic()

    def _open_agents(self) -> AgentsTopic:
        topic = AgentsTopic(kafka_options(self._settings))
        try:
            for key, value in topic.news():
                self._register.take(key, value)
        except KafkaException:
            topic.close()
            raise
        return topic

    def _open_models(self) -> Consumer:
        consumer = Consumer(consumer_options(kafka_options(self._settings), "gateway", {"fetch.wait.max.ms": 100}))
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(GLOBAL_MODELS, 0), 10)
        except KafkaException:
            consumer.close()
            raise
        consumer.assign([TopicPartition(GLOBAL_MODELS, 0, end - NEWEST if end > NEWEST else OFFSET_BEGINNING)])
        return consumer

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failed = error


def run(settings: Settings) -> None:
    """``flead service gateway``, until it is told to stop."""
    service = Service("gateway", settings.gateway_port)
    with service.running():
        Gateway(settings, service).run()
