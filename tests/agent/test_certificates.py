"""An agent and the platform's own MQTT broker, by TLS, with certificates of ``flead authority``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flead.agent.status import status
from flead.settings import Settings
from flead.stack.checks import listens
from flead.stack.mqtt import program
from flead.stack.services import environment
from flead.trust.authority import Authority
from tests.agent import brokers, fleets
from tests.agent.test_on_a_broker import expected, unique
from tests.platform_fixtures import eventually, platform_settings

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def test_an_agent_speaks_and_hears_under_the_name_of_its_certificate_only(tmp_path: Path) -> None:
    """The one whose certificate has its name delivers everything; one that takes another name is never heard."""
    if program() is None:
        pytest.skip("mosquitto is not installed")
    authority = Authority.create(tmp_path / "authority")
    authority.issue("server", ["localhost"])
    certificate, key = authority.issue("pumps", [])
    base = platform_settings(tmp_path, mqtt_listen="127.0.0.1", mqtt_authority=tmp_path / "authority")
    name = fleets.record(tmp_path / "recording", devices=3, readings=200)

    def agent(own: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flead", "agent", "--name", own, "--source", name, "--speed", "max"]
        told = {
            "FLEAD_DATA_DIR": tmp_path / own, "FLEAD_MQTT_CA": authority.certificate_file,
            "FLEAD_MQTT_CERTIFICATE": certificate, "FLEAD_MQTT_KEY": key,
        }  # fmt: skip
        return subprocess.Popen(
            [*command, "--uplink", f"mqtts://localhost:{base.mqtt_tls_port}"],
            env=os.environ | {variable: str(value) for variable, value in told.items()}, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    broker = subprocess.Popen([sys.executable, "-m", "flead.stack.mqtt"], env=os.environ | environment(base))
    fans = None
    try:
        eventually(lambda: listens(base.mqtt_tls_port)(0), 20)
        with brokers.platform(base.mqtt_port) as platform:
            pumps, fans = agent("pumps"), agent("fans")
            assert pumps.wait(120) == 0
            assert unique(platform, "pumps") == expected(Settings(source=name), name)
            everything = sum(map(len, expected(Settings(source=name), name).values()))
            eventually(lambda: waiting(tmp_path / "fans") == everything, 60)
            assert {one.agent for _, one in platform.received} == {"pumps"}
            assert {state["agent"] for state in platform.states} == {"pumps"}
    finally:
        for process in (broker, *([fans] if fans else [])):
            process.terminate()
            process.wait(30)


def waiting(directory: Path) -> int:
    """How many records an agent has not delivered."""
    if not (directory / "agent" / "agent.db").exists():
        return 0
    return int(str(status(Settings(data_dir=directory))["waiting"]))
