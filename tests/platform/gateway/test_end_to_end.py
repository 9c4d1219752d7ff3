"""The agent as a user starts it, by both uplinks at once, through a real gateway and Kafka and back."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from flead.agent.status import status
from flead.settings import Settings
from tests.agent import fleets
from tests.platform.gateway.agents import mqtt_broker
from tests.platform.gateway.test_gateway import aggregator, gateway
from tests.platform_fixtures import eventually, messages_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

TOPICS = ("local-model-updates", "anomalies")


def start(directory: Path, name: str, source: str, uplink: str, speed: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flead", "agent", "--source", source, "--uplink", uplink, "--name", name]
    environment = os.environ | {"FLEAD_DATA_DIR": str(directory / name)}
    return subprocess.Popen(
        [*command, "--speed", speed, "--json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def ended(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """What an agent says in the end."""
    said, _ = process.communicate(timeout=180)
    assert process.returncode == 0
    found: dict[str, int] = json.loads(said)
    return found


def sent(settings: Settings, topic: str, agent: str) -> list[bytes]:
    """An agent's records on Kafka."""
    return sorted(
        message.value() for message in messages_of(settings, topic)
        if dict(message.headers())["flead-agent"] == agent.encode()
    )  # fmt: skip


def assert_exact(topics: Settings, source: str, agent: str) -> None:
    made = fleets.undisturbed(Settings(source=source, mix=0.0), source)
    for topic in TOPICS:
        assert sent(topics, topic, agent) == sorted(one.record for one in made if one.topic == topic)


def everything(settings: Settings, names: Sequence[str]) -> bytes:
    """Every byte of these topics."""
    return b"\n".join((message.value() or b"") for name in names for message in messages_of(settings, name))


def test_agents_by_mqtt_and_by_kafka_learn_together_and_keep_their_readings(
    topics: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEAD_MIX", "0")  # so that what they learn does not depend on when a global model arrives
    monkeypatch.setattr("flead.platform.gateway.service.GLOBAL_SECONDS", 0.2)
    names = {"pumps": f"mqtt://127.0.0.1:{topics.mqtt_port}", "fans": f"kafka://{topics.kafka_servers.split(',')[0]}"}
    sources = {name: fleets.record(tmp_path / f"{name}-data", 6, 400, seed) for seed, name in enumerate(names)}
    for file in (tmp_path / "fans-data").glob("*.csv"):
        file.rename(file.with_name(file.name.replace("pump", "fan")))
    with mqtt_broker(topics, tmp_path), gateway(topics), aggregator(topics, 10) as service:
        agents = {name: start(tmp_path, name, sources[name], uplink, "max") for name, uplink in names.items()}
        for name, agent in agents.items():
            assert (ended(agent)["readings"], agent.returncode) == (2400, 0)
            assert_exact(topics, sources[name], name)
        merged = "flead_updates_total"
        eventually(lambda: service.metrics.get_sample_value(merged) == 2 * 6 * 400 / 50)
        models = [msgspec.json.decode(message.value()) for message in messages_of(topics, "global-model-updates")]
        assert [model["version"] for model in models] == list(range(1, len(models) + 1))
        assert len(models) > 0

        # What they measured is nowhere; and one who starts again hears of what all have learnt.
        said = everything(topics, [*TOPICS, "global-model-updates", "dead-letters", "control", "agents"])
        for source in sources.values():
            assert [reading for reading in fleets.readings(source) if reading.encode() in said] == []
        more = fleets.record(tmp_path / "more", 6, 400, seed=9)
        ended(start(tmp_path, "pumps", more, names["pumps"], "600"))
        assert status(Settings(data_dir=tmp_path / "pumps"))["global_version"] >= len(models)
