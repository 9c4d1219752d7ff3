"""One service kept running, on commands that take no time."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flead.stack import runner as module
from flead.stack.runner import Runner
from flead.stack.services import Service
from tests.platform_fixtures import eventually


class Running:
    """Runners in threads, stopped at the end of a test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stopping = threading.Event()
        self.history: list[tuple[str, str]] = []
        self.runners: dict[str, Runner] = {}
        self.threads: list[threading.Thread] = []

    def add(
        self,
        name: str,
        script: str,
        *,
        needs: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
        ready: Any = None,
        **more: Any,
    ) -> Runner:
        service = Service(
            name=name, command=("/bin/sh", "-c", script), image="flead", ready=ready or (lambda since: True),
            needs=needs, after=after, megabytes=0, **more,
        )  # fmt: skip
        runner = Runner(service, self.directory / f"{name}.log", os.environ, self.stopping, lambda: self.note(name))
        runner.needs = [self.runners[need] for need in needs]
        runner.after = [self.runners[other] for other in after]
        for need in runner.needs:
            need.needed_by.append(runner)
        self.runners[name] = runner
        return runner

    def note(self, name: str) -> None:
        change = name, self.runners[name].state.state
        if self.history[-1:] != [change]:
            self.history.append(change)

    def start(self) -> None:
        self.threads = [threading.Thread(target=runner.run) for runner in self.runners.values()]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()

    def states(self, name: str) -> list[str]:
        return [state for who, state in self.history if who == name]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    for wait in "TICK", "ASK_SECONDS", "FIRST_WAIT":
        monkeypatch.setattr(module, wait, 0.01)
    running = Running(tmp_path)
    yield running
    running.stop()


def test_a_service_that_dies_is_started_again_and_says_why(running: Running) -> None:
    starts = running.directory / "starts"
    runner = running.add("frail", f"echo one >> {starts}; echo 'ValueError: no luck'; echo later; exit 7")
    running.start()
    eventually(lambda: runner.state.restarts >= 3, 10)
    assert runner.state.detail == "it ended (7): ValueError: no luck"
    assert len(starts.read_text().splitlines()) >= 3


def test_the_wait_before_a_restart_doubles(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    class Stopping(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout != module.TICK:
                waits.append(timeout)
            return super().wait(timeout)

    monkeypatch.setattr(module, "LONGEST_WAIT", 0.05)
    running.stopping = Stopping()
    monkeypatch.setattr(module, "TICK", 0.0101)
    runner = running.add("frail", "exit 1")
    running.start()
    eventually(lambda: runner.state.restarts >= 5, 10)
    assert waits[:5] == [0.01, 0.02, 0.04, 0.05, 0.05]


def start_top_with_base(running: Running, **relation: tuple[str, ...]) -> None:
    """Start two services; the second, which has this relation to the first, has to wait until that one is ready."""
    may_be_ready = threading.Event()
    running.add("base", "exec sleep 60", ready=lambda since: may_be_ready.is_set())
    top = running.add("top", "exec sleep 60", **relation)
    running.start()
    eventually(lambda: ("base", "starting") in running.history, 10)
    assert top.state.state == "waiting"
    may_be_ready.set()
    eventually(lambda: top.state.state == "ready", 10)


def test_a_service_waits_for_what_it_needs_and_is_stopped_before_it(running: Running) -> None:
    start_top_with_base(running, needs=("base",))
    running.stop()
    assert running.history.index(("top", "stopped")) < running.history.index(("base", "stopping"))


def test_a_service_lets_others_start_first_for_a_while(running: Running) -> None:
    start_top_with_base(running, after=("base",))


def test_it_starts_without_them_when_they_take_too_long(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AFTER_SECONDS", 0.05)
    running.add("first", "exec sleep 60", ready=lambda since: False)
    patient = running.add("patient", "exec sleep 60", after=("first",))
    running.start()
    eventually(lambda: patient.state.state == "ready", 10)
    assert "ready" not in running.states("first")


def test_a_command_that_ends_well_is_done_and_others_may_start(running: Running) -> None:
    job = running.add("job", "exit 0", ends=True, ready=lambda since: False)
    after = running.add("after", "exec sleep 60", needs=("job",))
    running.start()
    eventually(lambda: after.state.state == "ready", 10)
    assert (job.state.state, job.state.restarts) == ("done", 0)


def test_a_command_that_fails_is_tried_again_until_it_ends_well(running: Running) -> None:
    flag = running.directory / "flag"
    job = running.add("job", f"test -e {flag} || {{ touch {flag}; exit 1; }}", ends=True, ready=lambda since: False)
    running.start()
    eventually(lambda: job.state.state == "done", 10)
    assert job.state.restarts == 1


def test_what_a_service_has_started_ends_with_it(running: Running) -> None:
    pids = running.directory / "pids"
    runner = running.add("parent", f"sleep 61 & echo $! >> {pids}; sleep 62 & echo $! >> {pids}; exec sleep 60")
    running.start()
    eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2, 10)
    psutil.Process(runner.state.pid).kill()
    eventually(lambda: runner.state.restarts == 1, 10)
    first = [int(pid) for pid in pids.read_text().split()[:2]]
    eventually(lambda: not any(map(_runs, first)), 10)
    running.stop()
    eventually(lambda: not any(_runs(int(pid)) for pid in pids.read_text().split()), 10)


def test_one_that_does_not_stop_when_asked_is_ended(running: Running) -> None:
    runner = running.add("deaf", "trap '' TERM; while :; do sleep 0.1; done", stop_seconds=0.3)
    running.start()
    eventually(lambda: runner.state.state == "ready", 10)
    pid = runner.state.pid
    running.stop()
    assert not _runs(pid)


def test_one_that_stops_answering_is_unwell_and_left_alone(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    answers = threading.Event()
    answers.set()
    runner = running.add("server", "exec sleep 60", ready=lambda since: answers.is_set())
    running.start()
    eventually(lambda: runner.state.state == "ready", 10)
    answers.clear()
    eventually(lambda: runner.state.state == "unwell", 10)
    answers.set()
    eventually(lambda: runner.state.state == "ready", 10)
    assert runner.state.restarts == 0


def test_a_program_that_is_not_there_is_a_reason(running: Running) -> None:
    service = Service(name="none", command=("/no/such/program",), image="flead", ready=lambda since: True, megabytes=0)
    runner = Runner(service, running.directory / "none.log", os.environ, running.stopping, lambda: None)
    running.runners["none"] = runner
    running.start()
    eventually(lambda: runner.state.restarts > 0, 10)
    assert "/no/such/program" in runner.state.detail


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
