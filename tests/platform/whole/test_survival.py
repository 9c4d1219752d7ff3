"""Whatever is killed while readings stream: nothing is lost, nothing comes twice, every number is the right one."""

from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest
from psycopg.rows import dict_row

from flead.settings import Settings
from flead.stack import down, status, up
from flead.storage.server.store import served_store
from tests.platform.whole.conftest import SERVICES
from tests.platform_fixtures import eventually

if TYPE_CHECKING:
    from tests.platform.whole.fleet import Fleet

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SECONDS = 100
"""Of readings before and after a kill: with 2,500 devices 250,000 each."""


def kill(settings: Settings, name: str) -> None:
    """``kill -9`` of a service's process."""
    (pid,) = (found.pid for found in status(settings) if found.name == name)
    assert pid
    psutil.Process(pid).kill()


def rows(settings: Settings) -> dict[str, int]:
    """How many rows the collector has written."""
    with psycopg.connect(**served_store(settings).conninfo, row_factory=dict_row) as connection:
        found: dict[str, int] | None = connection.execute("""
            SELECT (SELECT count(*) FROM anomalies) AS anomalies, (SELECT count(*) FROM local_models) AS local_models,
                   (SELECT count(*) FROM federated_models) AS federated_models,
                   (SELECT coalesce(sum(readings), 0)::bigint FROM readings_per_minute) AS readings
        """).fetchone()
    assert found is not None
    return found


def assert_all_is_there(settings: Settings, fleet: "Fleet") -> None:
    """Everything that the readings so far must bring forth is on the topics and in the database, once."""
    fleet.assert_exact()
    seen = fleet.seen
    wanted = {
        "anomalies": len(seen.anomalies), "local_models": len(seen.updates), "federated_models": len(seen.models),
        "readings": fleet.sent,
    }  # fmt: skip
    eventually(lambda: rows(settings) == wanted, 120)


@pytest.mark.parametrize("victim", ["kafka-2", "flink-taskmanager", "flink-jobmanager", "aggregator", "collector"])
def test_whatever_is_killed(platform: Settings, fleet: "Fleet", victim: str) -> None:
    fleet.speak(SECONDS)
    kill(platform, victim)
    fleet.speak(SECONDS)
    assert_all_is_there(platform, fleet)
    eventually(lambda: {found.state for found in status(platform) if found.name == victim} == {"ready"})


def test_down_and_up_again(platform: Settings, fleet: "Fleet") -> None:
    fleet.speak(30)  # some of it is on its way yet, and no device has trained on it
    assert down(platform)
    assert up(platform, SERVICES, seconds=300)
    fleet.speak(20)
    assert_all_is_there(platform, fleet)
