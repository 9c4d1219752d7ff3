"""To the gateway over MQTT (see docs/edge.md). QoS 1; records travel in signed parcels."""

import logging
import threading
from collections.abc import Sequence

import msgspec

from flead.agent.address import Address
from flead.agent.sender import IN_FLIGHT
from flead.agent.store import Outgoing
from flead.agent.uplink import News
from flead.bus.mqtt import Broker, MqttConnection
from flead.codec.answers import answered
from flead.codec.packing import unpack
from flead.codec.parcels import parcels
from flead.records import AgentState, Enrolment, to_text
from flead.settings.mqtt import MqttSettings
from flead.topics import ACK, CONTROL, ENROL, MQTT_GLOBAL, STATE, UP, mqtt_topic
from flead.trust.envelope import Item
from flead.trust.keys import SigningKey

log = logging.getLogger("flead")
_encode = msgspec.json.Encoder().encode


class MqttUplink:
    """One agent's connection."""

    def __init__(self, settings: MqttSettings, address: Address, agent: str, key: SigningKey) -> None:
        self._agent = agent
        self._key = key
        self._lock = threading.Lock()
        self._delivered: list[int] = []
        self._refused: dict[int, str] = {}
        self._model: bytes | None = None
        # With some of the key in its id, an agent whose name another has taken does not disconnect that one.
        client_id = f"flead-{agent}-{key.public[:8]}"
        topics = [MQTT_GLOBAL, mqtt_topic(agent, ACK)]
        broker = Broker(
            address.host, address.port, address.encrypted or settings.mqtt_tls, address.user, address.password
        )
        self._connection = MqttConnection(settings, broker, client_id, topics, self._receive)
        self.where = self._connection.where
        self._connection.client.max_inflight_messages_set(IN_FLIGHT)
        silent = AgentState(agent, "silent", 0, 0, to_text(0))
        self._connection.client.will_set(mqtt_topic(agent, STATE), _encode(silent), qos=1, retain=True)

    @property
    def up(self) -> bool:
        """Whether the broker answers."""
        return self._connection.up

    def start(self) -> None:
        self._connection.start()

    def introduce(self, enrolment: Enrolment) -> None:
        (parcel,) = parcels(self._key, self._agent, [Item(CONTROL, 0, _encode(enrolment))])
        self._publish(ENROL, parcel, retain=True)

    def announce(self, presence: AgentState) -> None:
        self._publish(STATE, _encode(presence), retain=True)

    def send(self, records: Sequence[Outgoing]) -> None:
        items = [Item(record.topic, record.sequence, record.record) for record in records]
        for parcel in parcels(self._key, self._agent, items):
            self._publish(UP, parcel)

    def news(self) -> News:
        with self._lock:
            news = News(self._delivered, self._refused, self._model)
            self._delivered, self._refused, self._model = [], {}, None
        return news

    def stop(self, presence: AgentState) -> None:
        if self.up:
            state = mqtt_topic(self._agent, STATE)
            said = self._connection.publish(state, _encode(presence), retain=True)
            try:
                said.wait_for_publish(2)
            except (RuntimeError, ValueError):
                log.info("%s did not hear that the agent stops", self.where)
        self._connection.stop()

    def _publish(self, kind: str, payload: bytes, retain: bool = False) -> None:
        self._connection.publish(mqtt_topic(self._agent, kind), payload, retain)

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:
        del retained  # the newest global model is news to an agent that has just begun
        try:
            if topic == MQTT_GLOBAL:
                model = unpack(payload)
                with self._lock:
                    self._model = model
                return
            answer = answered(payload)
        except ValueError as error:
            log.warning("%s is not understood: %s", topic, error)
            return
        with self._lock:
            self._delivered += answer.sequences()
            self._refused.update((one.sequence, one.reason) for one in answer.refused)
