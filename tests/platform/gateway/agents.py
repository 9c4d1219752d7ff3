"""An MQTT broker for tests, and agents reduced to their mouths and ears."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from flead.codec.answers import answered
from flead.codec.packing import unpack
from flead.codec.parcels import SIGNATURE, parcels
from flead.records import AgentState, Enrolment
from flead.settings import Settings
from flead.stack.checks import listens
from flead.stack.services import environment
from flead.topics import ACK, CONTROL, ENROL, MQTT_GLOBAL, STATE, UP, mqtt_topic
from flead.trust.envelope import Item, sign
from flead.trust.keys import SigningKey
from tests.platform_fixtures import eventually

NOW = "2025-11-07T15:22:31.000Z"


@contextmanager
def mqtt_broker(settings: Settings, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The broker of these settings, as the platform starts it; what it retains lies in the test's own directory."""
    told = os.environ | environment(settings.model_copy(update={"data_dir": directory}))
    process = subprocess.Popen([sys.executable, "-m", "flead.stack.mqtt"], env=told, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: listens(settings.mqtt_port)(0), 30)
        yield process
    finally:
        process.terminate()
        process.wait(20)


class Agent:
    """Speaks for devices; ``received`` and ``refused`` are what the gateway has answered."""

    def __init__(self, settings: Settings, name: str, directory: Path, port: int | None = None) -> None:
        self.name = name
        self.key = SigningKey.load_or_create(directory / f"{name}.pem")
        self.received: set[int] = set()
        self.refused: dict[int, str] = {}
        self.models: list[dict[str, Any]] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
        self.client.on_message = self._heard
        will = msgspec.json.encode(AgentState(name, "silent", 1, 0, NOW))
        self.client.will_set(mqtt_topic(name, STATE), will, 1, True)
        self.client.on_connect = lambda client, *_: client.subscribe([(mqtt_topic(name, ACK), 1), (MQTT_GLOBAL, 1)])
        self.client.connect(settings.mqtt_host, port or settings.mqtt_port)
        self.client.loop_start()

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *problem: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def enrol(self, *devices: str, key: SigningKey | None = None) -> None:
        key = key or self.key
        request = msgspec.json.encode(Enrolment(self.name, key.public, list(devices), NOW))
        (payload,) = parcels(key, self.name, [Item(CONTROL, 0, request)])
        self.client.publish(mqtt_topic(self.name, ENROL), payload, 1, True)

    def send(self, *items: Item, agent: str = "", signed: Item | None = None) -> None:
        """Records, in a parcel; under another agent's name, or with the signature of something else."""
        agent = agent or self.name
        (payload,) = parcels(self.key, agent, items)
        if signed is not None:
            payload = payload[:-SIGNATURE] + sign(self.key, agent, [signed])
        self.client.publish(mqtt_topic(agent, UP), payload, 1)

    def say(self, state: AgentState) -> None:
        self.client.publish(mqtt_topic(self.name, STATE), msgspec.json.encode(state), 1, True)

    def _heard(self, client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == MQTT_GLOBAL:
            self.models.append(msgspec.json.decode(unpack(bytes(message.payload))))
        else:
            told = answered(bytes(message.payload))
            self.received |= set(told.sequences())
            self.refused |= {each.sequence: each.reason for each in told.refused}


def item(topic: str, sequence: int, said: msgspec.Struct) -> Item:
    """A record to be sent."""
    return Item(topic, sequence, msgspec.json.encode(said))
