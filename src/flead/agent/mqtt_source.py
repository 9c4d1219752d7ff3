"""Readings that sensors publish: subscribes to a pattern of topics at a broker."""

from typing import NamedTuple

from flead.agent.address import Address
from flead.agent.clock import wall
from flead.agent.errors import AgentError
from flead.agent.mailbox import Mailbox
from flead.agent.payloads import Pattern, reading
from flead.bus.mqtt import Broker, MqttConnection
from flead.codec.decode import Decoder
from flead.codec.strict import MalformedError
from flead.columns import Chunk, Devices
from flead.records import Rejected
from flead.settings.mqtt import MqttSettings

ROOM = 20_000
"""Messages that may wait to be learnt from; then the broker has to hold them."""


class _Published(NamedTuple):
    topic: str
    payload: bytes
    time: int


class MqttSource:
    """What is published to the address's pattern of topics. The broker holds messages while the agent is away.

    That is a matter of the sensors' QoS (1) and the broker's limits; what the agent was given in the last second
    before it was killed is gone.
    """

    def __init__(self, settings: MqttSettings, name: str, address: Address, client_id: str) -> None:
        """AgentError without a pattern."""
        if not address.path:
            raise AgentError(f"source = {name!r} lacks the topics: write it as mqtt://HOST/sensors/+/data")
        self.name = name
        self._pattern = Pattern(address.path)
        self._box: Mailbox[_Published] = Mailbox(ROOM)
        # Who the agent is to the platform's broker is nothing that the sensors' broker need know.
        own = settings.model_copy(update={"mqtt_user": None, "mqtt_password": None, "mqtt_tls": False})
        broker = Broker(address.host, address.port, address.encrypted, address.user, address.password)
        self._connection = MqttConnection(own, broker, client_id, [self._pattern.text], self._receive, session=True)

    def open(self, devices: Devices, position: dict[str, int] | None) -> None:
        """Connect; a broker has no positions."""
        del position
        self._decoder = Decoder(devices, self.name)
        self._connection.start()

    def next_batch(self, limit: int, until: int | None) -> Chunk | None:
        """What has come since; it never ends."""
        del until
        lines, places, refused = [], [], []
        for topic, payload, time in self._box.take(limit):
            try:
                lines.append(reading(payload, self._pattern.device(topic), time))
                places.append(topic)
            except MalformedError as error:
                refused.append(Rejected(self.name, topic, str(error), payload))
        chunk = self._decoder.messages(lines, lambda i: places[i])
        return Chunk(chunk.batch, refused + chunk.rejected)

    def start_time(self) -> int:
        """Now: it is live."""
        return wall()

    def snapshot(self) -> dict[str, int]:
        """A broker has no positions."""
        return {}

    def total(self) -> int | None:
        """It has no end."""
        return None

    def close(self) -> None:
        """Disconnect."""
        self._box.close()
        self._connection.stop()

    def _receive(self, topic: str, payload: bytes) -> None:
        self._box.put(_Published(topic, payload, wall()))
