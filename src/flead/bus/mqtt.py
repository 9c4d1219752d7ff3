"""A connection to an MQTT broker that keeps coming back, subscribes again when it does, and says how it is."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from flead.bus.health import HEALTHY, Health, waiting_for
from flead.settings.mqtt import MqttSettings
from flead.trust.mqtt import secure

log = logging.getLogger("flead")

KEEP_ALIVE = 30
"""Seconds: a broker that is cut off without a word is given up after one and a half of these."""
FIRST_WAIT, LONGEST_WAIT = 1, 30
"""Seconds between two tries to connect: doubled from the first to the longest."""
CONNECT_SECONDS = 10
THE_BROKER = "the MQTT broker"

Received = Callable[[str, bytes, bool], None]
"""Topic, payload, and whether the broker had retained it from before."""


class Broker(NamedTuple):
    """Where a broker is."""

    host: str
    port: int
    encrypted: bool
    user: str | None = None
    """Who we are to it, where the settings are not to say."""
    password: str | None = None


class MqttConnection:
    """Calls ``received(topic, payload, retained)`` in a thread of its own, for what is published to ``topics`` (QoS 1).

    ``session``: the broker keeps what is published while this client is away. ``connected`` is called whenever the
    connection stands. Raises TrustError for certificates that cannot be used.
    """

    def __init__(
        self,
        settings: MqttSettings,
        broker: Broker,
        client_id: str,
        topics: Sequence[str],
        received: Received,
        *,
        session: bool = False,
        longest_wait: int = LONGEST_WAIT,
        connected: Callable[[], None] = lambda: None,
    ) -> None:
        self.where = f"{broker.host}:{broker.port}"
        self.up = False
        """Whether the broker answers."""
        self.health: Health = waiting_for(THE_BROKER)
        """Good while what is published to the topics is received."""
        self._broker = broker
        self._subscriptions = [(topic, 1) for topic in topics]
        self._received = received
        self._connected = connected
        self._said = ""
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=not session)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = self._on_disconnect
        self.client.on_connect_fail = self._on_connect_fail
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(FIRST_WAIT, longest_wait)
        self.client.connect_timeout = CONNECT_SECONDS
        secure(self.client, settings, broker.encrypted)
        if broker.user is not None:
            self.client.username_pw_set(broker.user, broker.password)

    def start(self) -> None:
        """Connect, now or as soon as the broker answers; returns at once."""
        self.client.connect_async(self._broker.host, self._broker.port, KEEP_ALIVE)
        self.client.loop_start()

    def stop(self) -> None:
        """Say goodbye, so that no last will is published."""
        self.client.disconnect()
        self.client.loop_stop()
        self.up = False

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> paho.MQTTMessageInfo:
        """Send at least once (QoS 1)."""
        return self.client.publish(topic, payload, qos=1, retain=retain)

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del data, flags, properties
        if reason.is_failure:
            self.health = waiting_for(THE_BROKER, str(reason))
            self._say(f"{self.where} refuses the connection: {reason}")
            return
        self._say(f"connected with {self.where}")
        self.up = True
        client.subscribe(self._subscriptions)
        self._connected()

    def _on_subscribe(self, client: paho.Client, data: Any, number: int, reasons: Any, properties: Any) -> None:
        del client, data, number, properties
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self.health = Health(f"{THE_BROKER} refused our subscription: {refused[0]}") if refused else HEALTHY
        if refused:
            self._say(f"{self.where} refuses the subscription: {refused[0]}")

    def _on_disconnect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, flags, properties
        self.health = waiting_for(THE_BROKER, str(reason))
        if self.up and reason.is_failure:
            self._say(f"the connection with {self.where} is gone: {reason}")
        self.up = False

    def _on_connect_fail(self, client: paho.Client, data: Any) -> None:
        del client, data
        self._say(f"{self.where} does not answer; trying on")

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        del client, data
        self._received(message.topic, bytes(message.payload), message.retain)

    def _say(self, line: str) -> None:
        """Once, not with every try."""
        if line != self._said:
            self._said = line
            log.info("%s", line)
