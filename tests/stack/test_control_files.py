"""Locks, logs, states, ports, memory: the small things that `flead up` and `flead down` rest on."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from flead.layout import Layout
from flead.settings import Settings
from flead.stack import StackError, checks, log_files, preflight, state
from flead.stack.locks import Lock, held, holder
from flead.stack.processes import MARK, Identity, end, marked
from flead.stack.services import Port, Service
from tests.platform_fixtures import eventually


def service(name: str, *ports: Port, megabytes: int = 0) -> Service:
    return Service(name=name, command=("true",), image="flead", ready=checks.ended, ports=ports, megabytes=megabytes)


def test_a_lock_tells_who_holds_it_and_opens_when_that_one_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder(path) is None
    script = (
        "import sys, time; from pathlib import Path; from flead.stack.locks import Lock;"
        "lock = Lock.acquire(Path(sys.argv[1])); lock.write_pid(); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert holder(path) == other.pid
        assert Lock.acquire(path) is None
        other.kill()
    eventually(lambda: holder(path) is None, 10)


def test_only_one_command_at_a_time_changes_a_platform(tmp_path: Path) -> None:
    with (
        held(tmp_path / "lock"),
        pytest.raises(StackError, match="another flead up or flead down"),
        held(tmp_path / "lock"),
    ):
        pass
    with held(tmp_path / "lock"):
        pass


def test_a_process_is_not_mistaken_for_a_later_one_with_its_number() -> None:
    me = Identity.of(os.getpid())
    assert me is not None
    assert me.is_running()
    assert not Identity(me.pid, me.started - 5).is_running()


def test_marked_processes_are_found_wherever_they_have_gone(tmp_path: Path) -> None:
    environment = os.environ | {MARK: str(tmp_path)}
    # It leaves its parent, its group and its session.
    daemon = (
        "import os, sys, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); "
        "open(sys.argv[1], 'w').close(); time.sleep(60)"
    )
    subprocess.run([sys.executable, "-c", daemon, tmp_path / "there"], env=environment, check=True)
    eventually((tmp_path / "there").exists, 10)
    eventually(lambda: len(marked(tmp_path)) == 1, 10)  # its parents may not have ended yet
    assert marked(tmp_path / "other") == []
    end(marked(tmp_path), 5)
    assert marked(tmp_path) == []


def test_a_log_that_is_too_long_is_moved_away_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "kafka-1.log"
    with log.open("a") as writer:
        for turn in range(5):
            writer.write(f"{turn} " + "x" * 100 + "\n")
            writer.flush()
            log_files.rotate(log, max_bytes=50)
        writer.write("last\n")
    assert log.read_text() == "last\n"
    assert [log.with_name(f"kafka-1.log.{n}").read_text()[0] for n in (1, 2, 3)] == ["4", "3", "2"]
    assert not log.with_name("kafka-1.log.4").exists()


def test_a_log_is_read_from_its_end_and_followed_across_a_rotation(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    log = Layout.of(settings).log("kafka-1")
    log.parent.mkdir(parents=True)
    log.write_text("one\ntwo\nthree\n")
    assert list(log_files.read(settings, "kafka-1", lines=2)) == ["two", "three"]
    following = log_files.read(settings, "kafka-1", lines=1, follow=True)
    assert next(following) == "three"
    with log.open("a") as writer:
        writer.write("four\n")
        writer.flush()
        assert next(following) == "four"
        log_files.rotate(log, max_bytes=1)
        writer.write("five\n")
        writer.flush()
        assert next(following) == "five"
    with pytest.raises(StackError, match=r"kafka-9 has no log in .*: there are kafka-1"):
        log_files.read(settings, "kafka-9")


def test_states_are_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert state.read(path) == {}
    now = state.ServiceState("kafka-1", "ready", since=1.5, pid=7, started=1.25, restarts=2)
    state.write(path, [now])
    assert state.read(path) == {"kafka-1": now}


def test_a_port_in_use_is_one_line_that_says_whose(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = Port(server.getsockname()[1], "kafka_port")
        with pytest.raises(StackError) as caught:
            preflight.check_ports([service("kafka-1", port)])
    assert str(caught.value) == (
        f"port {port.number}, which kafka-1 needs, is in use by process {os.getpid()} ({psutil.Process().name()}):"
        " stop what uses it, or change kafka_port (FLEAD_KAFKA_PORT)"
    )


def test_two_services_cannot_share_a_port() -> None:
    pair = [service("viewer", Port(8082, "web_port")), service("collector", Port(8082, "collector_port"))]
    with pytest.raises(StackError, match=r"collector and viewer would both listen on port 8082"):
        preflight.check_ports(pair)


def test_too_little_memory_is_one_line() -> None:
    preflight.check_memory([service("small", megabytes=1)])
    with pytest.raises(StackError, match=r"not enough memory: the platform needs 100000001 MB, and \d+ MB"):
        preflight.check_memory([service("small", megabytes=1), service("large", megabytes=100_000_000)])


@pytest.mark.parametrize(
    ("limit", "used", "cached", "available"),
    [("2000000000", "1500000000", "300000000", 800), ("max", "1", "1", None), ("10000000000000", "1", "0", None)],
)
def test_the_limit_of_a_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, used: str, cached: str, available: int | None
) -> None:
    (tmp_path / "memory.max").write_text(limit)
    (tmp_path / "memory.current").write_text(used)
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\n")
    monkeypatch.setattr(preflight, "CGROUP", tmp_path)
    found = preflight.available_megabytes()
    if available is None:
        assert found == pytest.approx(psutil.virtual_memory().available / 1e6, rel=0.5)
    else:
        assert found == available
