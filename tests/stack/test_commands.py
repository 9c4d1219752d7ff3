"""The platform's commands, as a person gives them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flead.settings import Settings
from flead.stack import down
from flead.stack.services import environment
from tests.platform_fixtures import platform_settings, require_platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Settings]:
    require_platform()
    settings = platform_settings(tmp_path, brokers=1, partitions=4, devices=40)
    yield settings
    down(settings)


def flead(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flead", *words]
    variables = os.environ | {name: value for name, value in environment(settings).items() if name != "FLEAD_STACK"}
    return subprocess.run(command, env=variables, cwd=settings.data_dir, capture_output=True, text=True, timeout=200)


def test_up_status_logs_and_down(small: Settings) -> None:
    assert flead(small, "down").stdout == "the platform was already down\n"
    started = flead(small, "up", "producer", "collector", "viewer", "aggregator", "--native")
    assert started.returncode == 0, started.stderr
    assert f"http://127.0.0.1:{small.web_port}" in started.stdout
    again = flead(small, "up", "collector")
    assert (again.returncode, "the platform is already up" in again.stdout.splitlines()) == (0, True)

    services = {one["name"]: one for one in json.loads(flead(small, "status", "--json").stdout)["services"]}
    states = {name: services[name]["state"] for name in ("producer", "collector", "viewer", "aggregator", "kafka-1")}
    assert set(states.values()) == {"ready"}
    assert services["collector"]["port"] == small.collector_port
    assert services["collector"]["since"].endswith("Z")
    assert services["training"]["state"] == "stopped"
    assert "collector" in flead(small, "status").stdout

    assert "collector: ready" in flead(small, "logs").stdout
    assert "aggregator" in flead(small, "logs", "aggregator", "-n", "5").stdout
    wrong = flead(small, "logs", "nobody")
    assert (wrong.returncode, wrong.stderr.startswith("flead: nobody has no log")) == (2, True)

    assert flead(small, "down").stdout.splitlines()[-1] == "the platform is down"
    assert {one["state"] for one in json.loads(flead(small, "status", "--json").stdout)["services"]} == {"stopped"}


def test_no_such_service_is_one_line(small: Settings) -> None:
    done = flead(small, "service", "nobody")
    names = "producer, training, aggregator, collector, evaluation, analytics, gateway, viewer"
    assert (done.returncode, done.stderr) == (2, f"flead: no such service: nobody; there are {names}\n")
