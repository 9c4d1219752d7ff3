"""The process that keeps the platform's services running: ``python -m flead.stack.supervisor [SERVICE ...]``.

It becomes a daemon once it holds its lock. On SIGTERM it stops what it has started, dependents before what they need,
and ends.
"""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from flead import settings
from flead.errors import FleadError
from flead.layout import Layout
from flead.stack import log_files, state
from flead.stack.errors import StackError
from flead.stack.locks import Lock
from flead.stack.runner import Runner
from flead.stack.services import Service, needed, services

LOOK_SECONDS = 2.0
"""Seconds between checks of the logs' sizes."""
NAME = "supervisor"

log = logging.getLogger("flead")


class Supervisor:
    """All runners of one platform."""

    def __init__(self, table: dict[str, Service], layout: Layout) -> None:
        self._layout = layout
        self._writing = threading.Lock()
        self._states: dict[str, state.ServiceState] = {}
        self.stopping = threading.Event()
        self.runners = {
            name: Runner(service, layout.log(name), os.environ, self.stopping, self._report)
            for name, service in table.items()
        }
        for runner in self.runners.values():
            runner.needs = [self.runners[name] for name in runner.service.needs]
            runner.after = [self.runners[name] for name in runner.service.after if name in self.runners]
            for need in runner.needs:
                need.needed_by.append(runner)

    def run(self) -> None:
        """Run until ``stopping`` is set, or the platform's directory is removed."""
        self._report()
        threads = [threading.Thread(target=runner.run, name=name) for name, runner in self.runners.items()]
        for thread in threads:
            thread.start()
        try:
            while not self.stopping.wait(LOOK_SECONDS):
                if not self._layout.state.exists():
                    log.error("%s has been removed: stopping", self._layout.state)
                    return
                for name in (*self.runners, NAME):
                    log_files.rotate(self._layout.log(name))
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join()

    def _report(self) -> None:
        with self._writing:
            for name, runner in self.runners.items():
                now, before = runner.state, self._states.get(name)
                if before is not None and now.state != before.state:
                    news = now.detail if now.detail != before.detail else ""
                    log.info("%s: %s%s", name, now.state, f" ({news})" if news else "")
                self._states[name] = now
            try:
                state.write(self._layout.state, list(self._states.values()))
            except OSError as error:
                log.error("cannot write %s: %s", self._layout.state, error)


def main(names: list[str]) -> None:
    """Take the lock, become a daemon, supervise."""
    chosen, _ = settings.load()
    layout = Layout.of(chosen)
    table = services(chosen)
    lock = Lock.acquire(
        layout.supervisor_lock, patience=2
    )  # a process that checks whether it is held holds it for a moment
    if lock is None:
        raise StackError(f"another supervisor is running in {layout.root}")
    _into_background(layout.log(NAME))
    lock.write_pid()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-5s %(message)s")
    supervisor = Supervisor(needed(table, names or list(table)), layout)
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda number, frame: supervisor.stopping.set())
    log.info("up: %s", " ".join(supervisor.runners))
    supervisor.run()
    layout.state.unlink(missing_ok=True)
    log.info("down")


def _into_background(log_file: Path) -> None:
    """Detach from the terminal and from the process that started us; output goes to the log from now on."""
    if os.fork():
        os._exit(0)
    os.setsid()
    output = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except FleadError as error:
        sys.exit(str(error))
