"""The agents' MQTT broker: what arrives waits in a queue, whatever becomes of the connection."""

import queue

from flead.bus.health import Health
from flead.bus.mqtt import Broker, MqttConnection
from flead.platform.gateway.messages import SUBSCRIBED
from flead.settings.mqtt import MqttSettings

INBOX = 20_000
"""Messages that may wait; one that finds no room is not acknowledged by the gateway, so its agent sends it again."""
LONGEST_WAIT = 15


class AgentsBroker:
    """Where agents are heard and spoken to; what was retained is published again with every new connection."""

    def __init__(self, settings: MqttSettings) -> None:
        self.inbox: queue.Queue[tuple[str, bytes]] = queue.Queue(INBOX)
        self.dropped = 0
        """Messages dropped because the queue was full."""
        self._retained: dict[str, bytes] = {}
        self._connection = MqttConnection(
            settings,
            Broker(settings.mqtt_host, settings.mqtt_port, settings.mqtt_tls),
            "flead-gateway",
            SUBSCRIBED,
            self._arrived,
            longest_wait=LONGEST_WAIT,
            connected=self._publish_retained,
        )
        self._connection.client.max_queued_messages_set(INBOX)

    @property
    def health(self) -> Health:
        """Good while it hears the agents."""
        return self._connection.health

    def start(self) -> None:
        """Connect, in the background, as often as it takes."""
        self._connection.start()

    def close(self) -> None:
        """Say goodbye."""
        self._connection.stop()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Send at least once; what is lost with a connection is only sent again if it is retained."""
        if retain:
            self._retained[topic] = payload
        self._connection.publish(topic, payload, retain)

    def _publish_retained(self) -> None:
        for topic, payload in list(self._retained.items()):
            self._connection.publish(topic, payload, retain=True)

    def _arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        del retained
        try:
            self.inbox.put_nowait((topic, payload))
        except queue.Full:
            self.dropped += 1
