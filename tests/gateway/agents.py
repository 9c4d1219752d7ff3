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

from flead.records import AgentState, Enrolment
from flead.settings import Settings
from flead.stack.checks import listens
from flead.stack.services import environment
from flead.trust.envelope import Envelope, seal
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
        self.client.will_set(f"flead/{name}/state", will, 1, True)
        self.client.on_connect = lambda client, *_: client.subscribe(
            [(f"flead/{name}/received", 1), ("flead/global", 1)]
        )
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
        self._publish("enrol", seal(key, "control", self.name, 0, request), retain=True)

    def send(self, kind: str, sequence: int, said: msgspec.Struct, topic: str = "", **changes: Any) -> None:
        """A record, sealed; ``changes`` are made to the envelope afterwards."""
        kafka = topic or {"updates": "local-model-updates", "anomalies": "anomalies"}[kind]
        envelope = seal(self.key, kafka, self.name, sequence, msgspec.json.encode(said))
        self._publish(kind, msgspec.structs.replace(envelope, **changes))

    def say(self, state: AgentState) -> None:
        self.client.publish(f"flead/{self.name}/state", msgspec.json.encode(state), 1, True)

    def _publish(self, kind: str, envelope: Envelope, retain: bool = False) -> None:
        self.client.publish(f"flead/{self.name}/{kind}", msgspec.json.encode(envelope), 1, retain)

    def _heard(self, client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        found = msgspec.json.decode(message.payload)
        if message.topic == "flead/global":
            self.models.append(found)
        else:
            self.received |= set(found["sequences"])
            self.refused |= {each["sequence"]: each["reason"] for each in found["refused"]}
