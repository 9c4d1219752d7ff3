"""The edge agent: what leaves it beside the raw readings, and what it takes of a machine.

``python -m benchmarks.edge`` prints both; it needs mosquitto. With FLEAD_AGENT_PYTHON, an interpreter that has what
``make setup EXTRA=agent`` installs and no more, the process is what a gateway would have.

Bytes are those of MQTT on the wire, both directions together, as a proxy counts them (TCP's and IP's own headers
aside), with all that belongs to it: topics, acknowledgements, enrolment, answers, global models as often as a gateway
publishes them. And those of Kafka's messages (key, value, headers; before compression). The readings are the simulated
fleet's, one a second from each device.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from flead.agent.address import parse
from flead.agent.agent import WORD_SECONDS, Agent
from flead.agent.clock import wall
from flead.agent.figures import Figures
from flead.agent.mqtt_uplink import MqttUplink
from flead.agent.sender import Sender
from flead.agent.store import AgentStore
from flead.codec.encode import encode_messages
from flead.codec.packing import pack
from flead.columns import Chunk, Devices
from flead.ingest.simulated import SimulatedSource
from flead.platform.gateway.messages import device_of
from flead.platform.gateway.service import GLOBAL_SECONDS
from flead.records import GlobalModel, Reading, to_text, to_texts
from flead.settings import Settings
from flead.topics import CONTROL, MQTT_GLOBAL
from flead.trust.envelope import headers, seal
from flead.trust.keys import SigningKey
from tests.agent.brokers import Platform, Proxy, mosquitto, packets, platform

FLEETS = {1: 3600, 10: 600, 100: 600, 2407: 100}
"""Devices: seconds of their readings, in which each trains a whole number of times."""
PINGS = 8
"""Bytes a minute: the most that a silent connection says to be kept, and hears."""
AT_ONCE = 5000
"""Raw readings that are published before the last of them is waited for."""


def main() -> None:
    """Measure, and print one JSON object."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name) / "mosquitto") as port:
        found = {
            "bytes": [leaving(Path(name) / f"fleet-{n}", n, seconds, port) for n, seconds in FLEETS.items()],
            "process": [process(Path(name) / f"process-{devices}", devices, port) for devices in (100, 2407)],
        }
    print(json.dumps(found, indent=2))


def leaving(directory: Path, devices: int, seconds: int, port: int) -> dict[str, Any]:
    """Bytes a minute of the raw readings and of an agent's updates and alarms, on MQTT and in Kafka."""
    readings = _readings(SimulatedSource(devices, seed=7, interval=1000), devices * seconds)
    raw = _raw(readings, port)
    kafka_raw = sum(len(device) + len(message) for device, message in readings)
    with platform(port) as standing, Proxy(port) as proxy:
        settings = Settings(uplink=f"mqtt://127.0.0.1:{proxy.port}", source="-")
        key = SigningKey.load_or_create(directory / "key")
        uplink = MqttUplink(settings, parse(settings.uplink or "", "uplink"), "agent", key)
        source = SimulatedSource(devices, seed=7, interval=1000)
        agent = Agent(settings, source, False, AgentStore(directory), uplink, Figures("agent", key.public))
        uplink.start()
        _live(agent, source, devices, seconds, standing)
        records = [(topic, one) for topic, one in standing.received if topic != CONTROL]
    sent = _total(proxy) + int(PINGS * seconds / 60)
    kafka = 0
    for topic, one in records:
        device = device_of(topic, one.record)
        signed = headers(seal(key, topic, "agent", one.sequence, one.record))
        kafka += len(device) + len(one.record) + sum(len(name) + len(value) for name, value in signed)
    minutes = seconds / 60
    each = devices * minutes
    return {
        "devices": devices, "updates": agent.figures.updates, "alarms": agent.figures.alarms,
        "mqtt_raw": raw / each, "mqtt_agent": sent / each, "mqtt_saved": 1 - sent / raw,
        "mqtt_agent_by_topic": {topic: size / each for topic, size in _by_topic(proxy).items()},
        "kafka_raw": kafka_raw / each, "kafka_agent": kafka / each, "kafka_saved": 1 - kafka / kafka_raw,
        "mqtt_raw_MB_a_minute": raw / minutes / 1e6, "mqtt_agent_MB_a_minute": sent / minutes / 1e6,
    }  # fmt: skip


def _raw(readings: list[tuple[str, bytes]], port: int) -> int:
    """Bytes on the wire where every reading is published."""
    with Proxy(port) as proxy:
        client = paho.Client(CallbackAPIVersion.VERSION2, "raw")
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", proxy.port)
        client.loop_start()
        for start in range(0, len(readings), AT_ONCE):
            for device, message in readings[start : start + AT_ONCE]:
                last = client.publish(f"sensors/{device}/data", message, qos=1)
            last.wait_for_publish(300)
        client.disconnect()
        client.loop_stop()
    return _total(proxy)


def _live(agent: Agent, source: SimulatedSource, devices: int, seconds: int, standing: Platform) -> None:
    """An agent's life, second by second, with what is answered within each; only the waiting between them is left out.

    Global models come as often as a gateway lets them come at most.
    """
    now = 0.0
    agent._sender = Sender(agent._uplink, agent._store, 1e9, lambda: now)
    for second, chunk in enumerate(_chunks(source, devices * seconds, devices)):
        now = float(second)
        if second % int(GLOBAL_SECONDS) == 0:
            standing.publish(MQTT_GLOBAL, pack(_model(second)), retain=True)
        if second and second % int(WORD_SECONDS) == 0:
            agent._uplink.announce(agent._presence("online"))
        agent.step(chunk)
        agent.commit()
        _answered(agent)
    agent._sender.gather = 0.0
    while agent._store.waiting.rows:
        now += 1
        _answered(agent)
        agent.commit()
    agent._uplink.stop(agent._presence("stopped"))
    standing.publish(MQTT_GLOBAL, b"", retain=True)


def _answered(agent: Agent) -> None:
    deadline = time.monotonic() + 60
    agent.exchange()
    while agent._sender._on_way or not agent._uplink.up:
        time.sleep(0.001)
        agent.exchange()
        assert time.monotonic() < deadline


def _model(number: int) -> bytes:
    chance = random.Random(number)
    return msgspec.json.encode(
        GlobalModel(
            number + 1, number + 1, chance.random(), 20, "fedbuff",
            {"weights": [chance.gauss(0, 1) for _ in range(3)], "bias": [chance.gauss(0, 1)]}, to_text(wall()),
        )
    )  # fmt: skip


def _by_topic(proxy: Proxy) -> dict[str, int]:
    """Bytes of the packets of each topic; of all that is no message under "acknowledgements"."""
    found: Counter[str] = Counter()
    for way in (proxy.sent, proxy.answered):
        for topic, _, size in packets(bytes(way)):
            found[topic or "acknowledgements"] += size
    return dict(found)


def process(directory: Path, devices: int, port: int, seconds: int = 60) -> dict[str, float]:
    """What ``flead agent`` takes: from start to first score, of memory, and of a core."""
    python = os.environ.get("FLEAD_AGENT_PYTHON", sys.executable)
    command = [python, "-m", "flead", "agent", "--name", f"measured-{devices}"]
    command += ["--source", f"mqtt://127.0.0.1:{port}/sensors/+/data", "--uplink", f"mqtt://127.0.0.1:{port}"]
    environment = os.environ | {"FLEAD_DATA_DIR": str(directory), "PYTHONUNBUFFERED": "1"}
    with platform(port), _sensors(devices, port):
        began = time.monotonic()
        agent = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert agent.stderr is not None
        while "first readings are scored" not in agent.stderr.readline():
            assert agent.poll() is None
        scored = time.monotonic() - began
        watched = psutil.Process(agent.pid)
        time.sleep(10)
        before, start = watched.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, passed = watched.cpu_times(), time.monotonic() - start
        memory = watched.memory_info()
        agent.terminate()
        agent.wait(30)
    return {
        "devices": devices, "first_score_s": scored, "resident_MB": memory.rss / 1e6,
        "private_MB": (memory.rss - memory.shared) / 1e6,
        "core_percent": 100 * (after.user + after.system - before.user - before.system) / passed,
    }  # fmt: skip


def _readings(source: SimulatedSource, count: int) -> list[tuple[str, bytes]]:
    table = Devices()
    source.open(table, None)
    found = []
    for chunk in _chunks(source, count):
        batch = chunk.batch
        records = [
            Reading(device, value, at)
            for device, value, at in zip(
                table.texts(batch.rows), batch.values[:, 0].tolist(), to_texts(batch.times), strict=True
            )
        ]
        found += zip((one.device_id for one in records), encode_messages(records), strict=True)
    return found


def _chunks(source: SimulatedSource, left: int, most: int = 8192) -> Iterator[Chunk]:
    while left > 0:
        chunk = source.next_batch(min(most, left), None)
        assert chunk is not None
        left -= chunk.batch.size + len(chunk.rejected)
        yield chunk


def _total(proxy: Proxy) -> int:
    return len(proxy.sent) + len(proxy.answered)


@contextmanager
def _sensors(devices: int, port: int) -> Iterator[None]:
    """So many sensors, one reading a second each, in a process of their own."""
    script = (
        "import random, sys, time, paho.mqtt.client as m\n"
        "c = m.Client(m.CallbackAPIVersion.VERSION2, 'sensors')\n"
        "c.connect('127.0.0.1', int(sys.argv[1])); c.loop_start()\n"
        "n = int(sys.argv[2]); at = time.monotonic()\n"
        "while True:\n"
        "    for i in range(n):\n"
        "        c.publish(f'sensors/device_{i}/data', f'{random.gauss(20, 1):.3f}', 0)\n"
        "        if i % 25 == 24: time.sleep(max(0, at + i / n - time.monotonic()))\n"
        "    at += 1; time.sleep(max(0, at - time.monotonic()))\n"
    )
    sensors = subprocess.Popen([sys.executable, "-c", script, str(port), str(devices)])
    try:
        yield
    finally:
        sensors.terminate()
        sensors.wait(10)


if __name__ == "__main__":
    main()
