"""To the gateway over MQTT (see docs/edge.md). QoS 1; every record is a signed envelope."""

import logging
import threading

import msgspec

from flead.agent.address import Address
from flead.agent.mqtt import Connection
from flead.agent.sender import IN_FLIGHT
from flead.agent.store import ANOMALIES, UPDATES, Outgoing
from flead.agent.uplink import News
from flead.records import AgentState, Enrolment, to_text
from flead.settings import Settings
from flead.trust.envelope import seal
from flead.trust.keys import SigningKey

PREFIX = "flead"
TOPICS = {UPDATES: "updates", ANOMALIES: "anomalies"}
GLOBAL = f"{PREFIX}/global"
CONTROL = "control"
"""Kafka's topic for enrolments."""

log = logging.getLogger("flead")
_encode = msgspec.json.Encoder().encode


class _Refused(msgspec.Struct):
    sequence: int
    reason: str


class _Received(msgspec.Struct):
    sequences: list[int] = []
    refused: list[_Refused] = []


_decode_received = msgspec.json.Decoder(_Received).decode


class MqttUplink:
    """One agent's connection."""

    def __init__(self, settings: Settings, address: Address, agent: str, key: SigningKey) -> None:
        self._agent = agent
        self._key = key
        self._lock = threading.Lock()
        self._delivered: list[int] = []
        self._refused: dict[int, str] = {}
        self._model: bytes | None = None
        # With some of the key in its id, an agent whose name another has taken does not disconnect that one.
        client_id = f"flead-{agent}-{key.public[:8]}"
        self._connection = Connection(settings, address, client_id, self._receive, self._subscribe)
        self.where = self._connection.where
        self._connection.client.max_inflight_messages_set(IN_FLIGHT)
        silent = AgentState(agent, "silent", 0, 0, to_text(0))
        self._connection.client.will_set(self._topic("state"), _encode(silent), qos=1, retain=True)

    @property
    def up(self) -> bool:
        """Whether the broker answers."""
        return self._connection.up

    def start(self) -> None:
        self._connection.start()

    def introduce(self, enrolment: Enrolment) -> None:
        envelope = seal(self._key, CONTROL, self._agent, 0, _encode(enrolment))
        self._publish("enrol", _encode(envelope), retain=True)

    def announce(self, presence: AgentState) -> None:
        self._publish("state", _encode(presence), retain=True)

    def send(self, record: Outgoing) -> None:
        envelope = seal(self._key, record.topic, self._agent, record.sequence, record.record)
        self._publish(TOPICS[record.topic], _encode(envelope))

    def news(self) -> News:
        with self._lock:
            news = News(self._delivered, self._refused, self._model)
            self._delivered, self._refused, self._model = [], {}, None
        return news

    def stop(self, presence: AgentState) -> None:
        if self.up:
            said = self._connection.client.publish(self._topic("state"), _encode(presence), qos=1, retain=True)
            try:
                said.wait_for_publish(2)
            except (RuntimeError, ValueError):
                log.info("%s did not hear that the agent stops", self.where)
        self._connection.stop()

    def _topic(self, name: str) -> str:
        return f"{PREFIX}/{self._agent}/{name}"

    def _publish(self, name: str, payload: bytes, retain: bool = False) -> None:
        self._connection.client.publish(self._topic(name), payload, qos=1, retain=retain)

    def _subscribe(self) -> None:
        self._connection.client.subscribe([(GLOBAL, 1), (self._topic("received"), 1)])

    def _receive(self, topic: str, payload: bytes) -> None:
        if topic == GLOBAL:
            with self._lock:
                self._model = payload
            return
        try:
            received = _decode_received(payload)
        except msgspec.MsgspecError as error:
            log.warning("%s is not understood: %s", topic, error)
            return
        with self._lock:
            self._delivered += received.sequences
            self._refused.update((one.sequence, one.reason) for one in received.refused)
