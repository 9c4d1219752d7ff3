"""Readings that sensors publish: subscribes to a pattern of topics at a broker."""

from typing import NamedTuple

from flead.agent.address import Address
from flead.agent.clock import wall
from flead.agent.decoding import Message, MessageDecoder
from flead.agent.errors import AgentError
from flead.agent.limits import Limits
from flead.agent.mailbox import Mailbox
from flead.bus.mqtt import Broker, MqttConnection
from flead.columns import Chunk, Devices
from flead.messages.reader import Messages
from flead.messages.settings import rules_of
from flead.messages.topics import Pattern, Place
from flead.settings import Settings

ROOM = 20_000
"""Messages that may wait to be learnt from; then the broker has to hold them."""


MOST_TOPICS = 100_000
"""Topics whose device and channel are remembered."""


class _Published(NamedTuple):
    topic: str
    payload: bytes
    time: int


class MqttSource:
    """What is published to the address's pattern of topics. The broker holds messages while the agent is away.

    That is a matter of the sensors' QoS (1) and the broker's limits; what the agent was given in the last second
    before it was killed is gone.
    """

    def __init__(self, settings: Settings, name: str, address: Address, client_id: str) -> None:
        """AgentError without a pattern."""
        if not address.path:
            raise AgentError(f"source = {name!r} lacks the topics: write it as mqtt://HOST/sensors/+/data")
        self.name = name
        self._pattern = Pattern(address.path)
        self._messages = Messages(rules_of(settings))
        self._limits = Limits(settings.limits)
        self._retained = 0
        self._places: dict[str, Place] = {}
        self._box: Mailbox[_Published] = Mailbox(ROOM)
        # Who the agent is to the platform's broker is nothing that the sensors' broker need know.
        own = settings.model_copy(update={"mqtt_user": None, "mqtt_password": None, "mqtt_tls": False})
        broker = Broker(address.host, address.port, address.encrypted, address.user, address.password)
        self._connection = MqttConnection(own, broker, client_id, [self._pattern.text], self._receive, session=True)

    def open(self, devices: Devices, position: dict[str, int] | None) -> None:
        """Connect; a broker has no positions."""
        del position
        self._decoder = MessageDecoder(devices, self.name, self._messages, self._limits)
        self._connection.start()

    def next_batch(self, limit: int, until: int | None) -> Chunk | None:
        """What has come since; it never ends."""
        del until
        return self._decoder.decode(
            Message(topic, payload, topic, self._place(topic), time) for topic, payload, time in self._box.take(limit)
        )

    def times(self) -> dict[str, int]:
        """Under which names messages say their time, and how often; under none where they say none."""
        return self._messages.times()

    def left_out(self) -> dict[str, int]:
        """What messages sent along and was left out, and how often."""
        retained = {"retained messages, of before the agent listened": self._retained} if self._retained else {}
        return self._messages.counts() | self._limits.outside | retained

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

    def _place(self, topic: str) -> Place:
        place = self._places.get(topic)
        if place is None:
            place = self._pattern.place(topic)
            if len(self._places) < MOST_TOPICS:
                self._places[topic] = place
        return place

    def _receive(self, topic: str, payload: bytes, retained: bool) -> None:
        if retained:
            # The broker has kept it from before: it is of an old reading, which every start would count again.
            self._retained += 1
        else:
            self._box.put(_Published(topic, payload, wall()))
