"""The training without Flink: whatever is killed, nothing is lost, nothing comes twice, every number is right."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psutil
import pytest

from flead.settings import Settings
from flead.stack import down, status, up
from flead.stack.services import environment
from tests.platform_fixtures import eventually, platform_settings, require_platform

if TYPE_CHECKING:
    from tests.platform.whole.fleet import Fleet

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SERVICES = ["training", "aggregator"]
DEVICES = 1000
SECONDS = 60


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A running platform whose training is a consumer group; no training starts from a global model."""
    require_platform()
    settings = platform_settings(tmp_path_factory.mktemp("group"), mix=0.0, engine="kafka", brokers=3, partitions=6)
    try:
        up(settings, SERVICES, seconds=200)
        yield settings
    finally:
        down(settings)


@pytest.fixture(scope="module")
def fleet(platform: Settings) -> Iterator["Fleet"]:
    from tests.platform.whole.fleet import Fleet

    fleet = Fleet(platform, DEVICES)
    yield fleet
    fleet.close()


def kill(settings: Settings, name: str) -> None:
    (pid,) = (found.pid for found in status(settings) if found.name == name)
    assert pid
    psutil.Process(pid).kill()


def test_there_is_no_flink(platform: Settings, fleet: "Fleet") -> None:
    assert not [found.name for found in status(platform) if "flink" in found.name]
    fleet.send(2, b"device_2", b"{")
    fleet.speak(SECONDS)
    fleet.assert_exact(dead_letters=1)
    (letter,) = fleet.seen.dead_letters
    headers = {name: value.decode() for name, value in letter.headers()}
    assert (headers["topic"], headers["partition"], letter.value()) == ("edge-iiot-stream", "2", b"{")


@pytest.mark.parametrize("victim", ["training", "kafka-2", "aggregator"])
def test_whatever_is_killed(platform: Settings, fleet: "Fleet", victim: str) -> None:
    fleet.speak(SECONDS)
    kill(platform, victim)
    fleet.speak(SECONDS)
    fleet.assert_exact()
    eventually(lambda: {found.state for found in status(platform) if found.name == victim} == {"ready"})


def test_a_member_joins_and_dies(platform: Settings, fleet: "Fleet") -> None:
    other = platform_settings(platform.data_dir).training_port
    given = environment(platform.model_copy(update={"training_port": other}))
    with subprocess.Popen(
        [sys.executable, "-m", "flead", "service", "training"],
        env=os.environ | given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as member:  # fmt: skip
        assert member.stdout is not None
        fleet.speak(SECONDS)
        try:
            # The group gives it some of the six partitions.
            given_some = next(line for line in member.stdout if "partitions" in line and "none" not in line)
            assert "training: partitions" in given_some
            fleet.speak(SECONDS)
        finally:
            member.kill()
    fleet.speak(SECONDS)
    fleet.assert_exact()


def test_down_and_up_again(platform: Settings, fleet: "Fleet") -> None:
    fleet.speak(30)  # some of it is still on its way, and some devices have not trained on it
    assert down(platform)
    assert up(platform, SERVICES, seconds=200)
    fleet.speak(20)
    fleet.assert_exact()
