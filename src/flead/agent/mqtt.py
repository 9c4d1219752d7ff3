"""A connection to an MQTT broker that keeps coming back, as sources and uplinks need it."""

import logging
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from flead.agent.address import Address
from flead.settings import Settings
from flead.trust.mqtt import secure

log = logging.getLogger("flead")

KEEP_ALIVE = 30
"""Seconds: a broker that is cut off without a word is given up after one and a half of these."""
FIRST_WAIT, LONGEST_WAIT = 1, 30

Received = Callable[[str, bytes, bool], None]


class Connection:
    """``received(topic, payload, retained)`` is called in a thread of its own, and ``ready()`` when it stands."""

    def __init__(
        self,
        settings: Settings,
        address: Address,
        client_id: str,
        received: Received,
        ready: Callable[[], None],
        *,
        session: bool = False,
    ) -> None:
        """``session``: the broker keeps what is published while this client is away (QoS 1)."""
        self.where = f"{address.host}:{address.port}"
        self.up = False
        self._address = address
        self._received = received
        self._ready = ready
        self._said = ""
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=not session)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_connect_fail = self._on_connect_fail
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(FIRST_WAIT, LONGEST_WAIT)
        self.client.connect_timeout = 10
        secure(self.client, settings, address.encrypted or settings.mqtt_tls)
        if address.user is not None:
            self.client.username_pw_set(address.user, address.password)

    def start(self) -> None:
        """Connect, now or as soon as the broker answers; returns at once."""
        self.client.connect_async(self._address.host, self._address.port, KEEP_ALIVE)
        self.client.loop_start()

    def stop(self) -> None:
        """Say goodbye, so that no last will is published."""
        self.client.disconnect()
        self.client.loop_stop()
        self.up = False

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, flags, properties
        if reason.is_failure:
            self._say(f"{self.where} refuses the connection: {reason}")
            return
        self._say(f"connected with {self.where}")
        self.up = True
        self._ready()

    def _on_disconnect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, data, flags, properties
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
