"""The gateway's connection to the MQTT broker: what arrives waits in a queue, whatever happens to the connection."""

import logging
import queue
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from flead.platform.gateway.messages import SUBSCRIBED
from flead.settings import Settings
from flead.trust.mqtt import secure

INBOX = 20_000
"""Messages that may wait; an agent sends again what finds no room, since nobody acknowledges it."""
LONGEST_WAIT = 15

log = logging.getLogger("flead")


class Connection:
    """A client that connects again by itself, subscribes again, and has published again what was retained."""

    def __init__(self, settings: Settings) -> None:
        self.inbox: queue.Queue[tuple[str, bytes]] = queue.Queue(INBOX)
        self.trouble = "waiting for the MQTT broker"
        """Empty while it hears the agents."""
        self.dropped = 0
        """Messages that found no room."""
        self._retained: dict[str, bytes] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="flead-gateway", protocol=mqtt.MQTTv311)
        secure(self._client, settings)
        self._client.reconnect_delay_set(1, LONGEST_WAIT)
        self._client.max_queued_messages_set(INBOX)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._arrived
        self._address = settings.mqtt_host, settings.mqtt_port

    def start(self) -> None:
        """Connect, in the background, as often as it takes."""
        self._client.connect_async(*self._address, keepalive=30)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Send at least once; what is lost with a connection is only sent again if it is retained."""
        if retain:
            self._retained[topic] = payload
        self._client.publish(topic, payload, qos=1, retain=retain)

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.trouble = f"waiting for the MQTT broker: {reason}"
            log.warning("gateway: %s", self.trouble)
            return
        client.subscribe(SUBSCRIBED)
        for topic, payload in self._retained.items():
            client.publish(topic, payload, qos=1, retain=True)

    def _subscribed(self, client: mqtt.Client, data: Any, number: int, reasons: Any, properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self.trouble = f"the MQTT broker lets us not hear the agents: {refused[0]}" if refused else ""
        log.info("gateway: %s", self.trouble or "connected to the MQTT broker")

    def _disconnected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.trouble = f"waiting for the MQTT broker: {reason}"
        log.warning("gateway: %s", self.trouble)

    def _arrived(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            self.inbox.put_nowait((message.topic, bytes(message.payload)))
        except queue.Full:
            self.dropped += 1
