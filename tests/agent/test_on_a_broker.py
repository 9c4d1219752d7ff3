"""The agent on a real broker: killed, cut off, delayed, listened to."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from flead.agent.address import parse
from flead.agent.agent import Agent
from flead.agent.figures import Figures
from flead.agent.mqtt_uplink import MqttUplink
from flead.agent.sources import make_source
from flead.agent.status import status
from flead.agent.store import AgentStore
from flead.codec.packing import pack, unpack
from flead.codec.parcels import SIGNATURE
from flead.records import GlobalModel
from flead.settings import Settings
from flead.topics import ANOMALIES, CONTROL, ENROL, LOCAL_UPDATES, UP, mqtt_topic
from flead.trust.envelope import is_signed_by
from flead.trust.keys import SigningKey
from tests.agent import brokers, fleets
from tests.platform_fixtures import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

TOPICS = (LOCAL_UPDATES, ANOMALIES)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with brokers.mosquitto(tmp_path_factory.mktemp("mosquitto")) as port:
        yield port


@contextmanager
def running(directory: Path, settings: Settings) -> Iterator[Agent]:
    """An agent at work in a thread; stopped with the block."""
    key = SigningKey.load_or_create(directory / "key")
    uplink = MqttUplink(settings, parse(settings.uplink or "", "uplink"), settings.agent_name or "", key)
    opened = make_source(settings, f"source-{settings.agent_name}")
    standing: list[Agent] = []
    ready = threading.Event()

    def work() -> None:
        store = AgentStore(directory)
        standing.append(
            Agent(settings, opened.source, opened.live, store, uplink, Figures(settings.agent_name or "", key.public))
        )
        ready.set()
        uplink.start()
        standing[0].run(opened.until)
        opened.source.close()
        store.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(60)
    try:
        yield standing[0]
    finally:
        standing[0].stop()
        thread.join(30)
        assert not thread.is_alive()


def unique(platform: brokers.Platform, agent: str) -> dict[str, list[bytes]]:
    """What came of this agent, every sequence number once; a repeat must be the same again. In order of the numbers."""
    found: dict[int, tuple[str, bytes]] = {}
    for topic, envelope in list(platform.received):
        if envelope.agent == agent and topic in TOPICS:
            assert found.setdefault(envelope.sequence, (topic, envelope.record)) == (topic, envelope.record)
    return {topic: [record for _, (own, record) in sorted(found.items()) if own == topic] for topic in TOPICS}


def expected(settings: Settings, name: str) -> dict[str, list[bytes]]:
    made = fleets.undisturbed(settings, name)
    return {topic: [one.record for one in made if one.topic == topic] for topic in TOPICS}


def test_a_kill_at_any_moment_costs_no_version_and_repeats_none(tmp_path, broker):
    """As a user starts it: killed three times in the middle of its work, then left alone until it ends by itself."""
    name = fleets.record(tmp_path / "data", devices=20, readings=1500)
    command = [sys.executable, "-m", "flead", "agent", "--source", name, "--uplink", f"mqtt://127.0.0.1:{broker}"]
    command += ["--name", "killed", "--speed", "150", "--json"]
    environment = os.environ | {"FLEAD_DATA_DIR": str(tmp_path / "agent"), "FLEAD_STORE_SECONDS": "0.3"}
    with brokers.platform(broker) as platform:
        for kill in range(3):
            before = len(platform.received)
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            eventually(lambda: len(platform.received) > before + 40, 60)  # noqa: B023 - called in the loop
            time.sleep(0.17 * kill)  # somewhere between two commits
            process.send_signal(signal.SIGKILL)
            process.wait()
        here = Settings(data_dir=tmp_path / "agent")
        said = status(here)
        assert (said["name"], said["state"], said["devices"]) == ("killed", "stopped", 20)
        done = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
        assert json.loads(done.stdout)["readings"] == 30_000
        said = status(here)
        assert (said["waiting"], said["updates"], said["readings"]) == (0, 600, 30_000)
        assert unique(platform, "killed") == expected(Settings(source=name), name)
        states = [state["state"] for state in platform.states if state["agent"] == "killed"]
        assert "silent" in states  # the last will
        assert states[-1] == "stopped"


def test_a_bad_network_loses_nothing_and_keeps_the_order(tmp_path, broker):
    """Slow, cut in mid-sentence again and again, dark for a while; learning goes on, and all of it arrives in order."""
    name = fleets.record(tmp_path / "data", devices=10, readings=1200)
    with brokers.platform(broker) as platform, brokers.Proxy(broker) as proxy:
        settings = Settings(
            source=name, uplink=f"mqtt://127.0.0.1:{proxy.port}", agent_name="cut", playback="120", store_seconds=0.2
        )
        with running(tmp_path / "agent", settings) as agent:
            eventually(lambda: len(unique(platform, "cut")[LOCAL_UPDATES]) > 10, 60)
            proxy.delay = 0.05
            for _ in range(3):
                time.sleep(0.7)
                proxy.cut()
            proxy.delay, proxy.dark = 0.0, True
            proxy.cut()
            learnt, arrived = agent.figures.readings, len(platform.received)
            eventually(lambda: agent.figures.readings > learnt + 2000, 60)
            assert len(platform.received) <= arrived + 1
            assert agent._store.waiting.rows > 20
            proxy.dark = False
            eventually(lambda: unique(platform, "cut") == expected(settings, name), 120)
        versions: dict[str, list[int]] = {}
        for record in unique(platform, "cut")[LOCAL_UPDATES]:
            update = msgspec.json.decode(record)
            versions.setdefault(update["device_id"], []).append(update["model_version"])
        assert list(versions.values()) == [list(range(1, 25))] * 10


def test_of_all_that_leaves_nothing_is_a_reading_and_all_is_signed(tmp_path, broker):
    """Every byte that the agent says to the broker, looked through for every reading; shared values are found there."""
    name = fleets.record(tmp_path / "data", devices=5, readings=400)
    numbers = fleets.readings(name)
    assert len(numbers) == 2000
    for shared in (False, True):
        directory, agent_name = tmp_path / f"agent-{shared}", f"quiet-{shared}"
        with brokers.platform(broker) as platform, brokers.Proxy(broker) as proxy:
            settings = Settings(
                source=name, uplink=f"mqtt://127.0.0.1:{proxy.port}", agent_name=agent_name, playback="max",
                share_values=shared,
            )  # fmt: skip
            with running(directory, settings):
                eventually(lambda: unique(platform, agent_name) == expected(settings, name), 60)  # noqa: B023
            envelopes = [(topic, one) for topic, one in platform.received if one.agent == agent_name]
        parcels = (mqtt_topic(agent_name, UP), mqtt_topic(agent_name, ENROL))
        sent = bytes(proxy.sent)
        packed = [payload for topic, payload, _ in brokers.packets(sent) if topic in parcels]
        said = b"\n".join([sent, *(unpack(payload[:-SIGNATURE]) for payload in packed)])
        assert all(envelope.record in said for _, envelope in envelopes)  # what was packed is looked through as well
        # Ten digits of a number are its own; as eight bytes it would be in either order.
        leaks = [
            text for text in numbers
            if any(form in said for form in (text[:11].encode(), msgspec.msgpack.encode(float(text))[1:],
                                             msgspec.msgpack.encode(float(text))[:0:-1]))
        ]  # fmt: skip
        assert bool(leaks) is shared
        public = SigningKey.load_or_create(directory / "key").public
        assert {topic for topic, _ in envelopes} == {*TOPICS, CONTROL}
        assert all(is_signed_by(public, topic, envelope) for topic, envelope in envelopes)


def test_sensors_on_mqtt_and_global_models_back(tmp_path, broker):
    """Numbers, objects and nonsense on topics; alarms and updates leave; the retained global model is started from."""
    with brokers.platform(broker) as platform:
        model = GlobalModel(
            7, 7, 0.9, 20, "fedavg", {"weights": [0.1, 0.2, 0.3], "bias": [0.0]}, "2025-01-01T00:00:00.000Z"
        )
        platform.publish("flead/global", pack(msgspec.json.encode(model)), retain=True)
        settings = Settings(
            source=f"mqtt://127.0.0.1:{broker}/plant/+/data", uplink=f"mqtt://127.0.0.1:{broker}", agent_name="plant",
            store_seconds=0.2,
        )  # fmt: skip
        with running(tmp_path / "agent", settings) as agent:
            eventually(lambda: agent.figures.global_version == 7, 30)
            platform.publish("plant/press/data", b"warm")
            eventually(lambda: agent.figures.rejected == 1, 30)
            for number in range(60):
                platform.publish("plant/press/data", b"%d.25" % (20 + number % 3))
                platform.publish("plant/oven/data", b'{"heat":%d,"unit":"C"}' % (200 + number % 5))
            platform.publish("plant/press/data", b"900")
            eventually(lambda: len(unique(platform, "plant")[LOCAL_UPDATES]) == 2, 30)
            eventually(lambda: len(unique(platform, "plant")[ANOMALIES]) >= 1, 30)
            assert agent.figures.devices == 2
        updates = [msgspec.json.decode(record) for record in unique(platform, "plant")[LOCAL_UPDATES]]
        assert {(one["device_id"], one["global_version"], one["samples_processed"]) for one in updates} == {
            ("press", 7, 50), ("oven", 7, 50),
        }  # fmt: skip
        alarms = [msgspec.json.decode(record) for record in unique(platform, "plant")[ANOMALIES]]
        assert alarms[-1]["severity"] == "critical"
        assert alarms[-1]["value"] is None
        enrolled = [msgspec.json.decode(one.record) for topic, one in platform.received if topic == CONTROL]
        assert sorted(enrolled[-1]["devices"]) == ["oven", "press"]
        platform.publish("flead/global", b"", retain=True)
