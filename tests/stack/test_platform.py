"""`flead up` and `flead down` on real services: nothing stays behind, whatever is killed."""

import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flead.layout import Layout
from flead.settings import Settings
from flead.stack import StackError, down, status, up
from flead.stack.locks import holder
from flead.stack.processes import marked
from flead.storage.server.exclusive import is_free
from flead.storage.server.processes import servers_on
from tests.platform_fixtures import eventually, platform_settings, require_platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

SMALL = ["topics", "database"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Settings]:
    """One broker and a database, not started."""
    require_platform()
    settings = platform_settings(tmp_path, brokers=1, partitions=4)
    yield settings
    down(settings)


def assert_nothing_is_left(settings: Settings) -> None:
    layout = Layout.of(settings)
    assert marked(layout.root) == []
    assert servers_on(layout.database / "postgres") == []
    assert holder(layout.supervisor_lock) is None
    assert all(is_free(port) for found in status(settings) for port in found.ports)
    assert {found.state for found in status(settings)} == {"stopped"}


def states(settings: Settings) -> dict[str, str]:
    return {found.name: found.state for found in status(settings) if found.name in ("kafka-1", *SMALL)}


def test_up_and_down_and_what_is_killed_in_between(small: Settings) -> None:
    assert down(small) is False
    assert up(small, SMALL) is True
    assert states(small) == {"database": "ready", "kafka-1": "ready", "topics": "done"}

    # The database comes back by itself, its former server gone.
    database = next(found for found in status(small) if found.name == "database")
    psutil.Process(database.pid).kill()
    eventually(lambda: any(f.name == "database" and f.state == "ready" and f.restarts for f in status(small)))

    with pytest.raises(StackError, match=r"the platform is up without schema, viewer: run flead down, then flead up"):
        up(small, ["viewer"])
    assert down(small) is True
    assert_nothing_is_left(small)
    assert down(small) is False


def test_nothing_is_left_of_a_platform_that_has_lost_its_supervisor(small: Settings) -> None:
    layout = Layout.of(small)
    up(small, SMALL)
    supervisor = holder(layout.supervisor_lock)
    assert supervisor
    psutil.Process(supervisor).kill()
    eventually(lambda: holder(layout.supervisor_lock) is None)
    assert states(small) == {"database": "left over", "kafka-1": "left over", "topics": "stopped"}
    assert down(small) is True
    assert_nothing_is_left(small)

    # The same again, and the services' own processes first; `up` cleans up just as `down` does.
    up(small, SMALL)
    for process in marked(layout.root):
        process.kill()
    eventually(lambda: holder(layout.supervisor_lock) is None)
    assert up(small, SMALL) is True
    assert states(small) == {"database": "ready", "kafka-1": "ready", "topics": "done"}
    assert down(small) is True
    assert_nothing_is_left(small)


def test_a_port_in_use_starts_nothing(small: Settings) -> None:
    with (
        socket.create_server(("127.0.0.1", small.kafka_port)),
        pytest.raises(StackError, match=rf"^port {small.kafka_port}, which kafka-1 needs, is in use by process \d+ "),
    ):
        up(small, SMALL)
    assert_nothing_is_left(small)


def test_a_service_that_does_not_start_is_named_with_its_reason(small: Settings) -> None:
    broker = Layout.of(small).kafka / "broker-1" / "data"
    broker.mkdir(parents=True)
    (broker / "meta.properties").write_text("version=1\ncluster.id=other\nnode.id=7\n")
    with pytest.raises(
        StackError, match=r"^kafka-1 failed to start: it ended \(1\): .*node.id.*; see flead logs kafka-1"
    ):
        up(small, ["kafka-1"])


def test_no_such_service_is_one_line(small: Settings) -> None:
    with pytest.raises(StackError, match=r"no such service: kafka-2; there are database, schema, kafka-1, topics"):
        up(small, ["kafka-2"])


def test_a_killed_taskmanager_is_replaced(tmp_path: Path) -> None:
    require_platform()
    settings = platform_settings(tmp_path)
    try:
        up(settings, ["flink-jobmanager", "flink-taskmanager"])
        victim = next(found for found in status(settings) if found.name == "flink-taskmanager")
        psutil.Process(victim.pid).kill()

        def replaced() -> bool:
            now = next(found for found in status(settings) if found.name == "flink-taskmanager")
            return now.state == "ready" and now.pid != victim.pid

        eventually(replaced)
    finally:
        down(settings)
    assert_nothing_is_left(settings)
