"""Keeps one service running: starts it once its dependencies are ready, checks its health, restarts it when it dies."""

import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from flead.stack.processes import Identity, kill_group
from flead.stack.services import Service
from flead.stack.state import ServiceState

FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
"""Seconds before a service is restarted: doubled each time from the first to the longest."""
STEADY_SECONDS = 60.0
"""A service that has run for this many seconds starts with the first wait again."""
TICK = 0.1
ASK_SECONDS = 0.3
"""Seconds between health checks while a service starts ..."""
LOOK_SECONDS = 10.0
"""... and once it was ready."""
KILL_SECONDS = 5.0
AFTER_SECONDS = 120.0
"""Seconds that a service waits for others to start first; then it starts anyway, since it does not need them."""
ERROR = re.compile(r"\b(ERROR|FATAL|[A-Z]\w*(Error|Exception))\b")


class Runner:
    """The life of one service; :meth:`run` is for a thread of its own.

    ``stopping`` belongs to all of them: once it is set, each stops its process when those that need it have stopped.
    ``report`` is called after every change of ``state``.
    """

    def __init__(
        self,
        service: Service,
        log: Path,
        environment: Mapping[str, str],
        stopping: threading.Event,
        report: Callable[[], None],
    ) -> None:
        self.service = service
        self.state = ServiceState(service.name, "waiting", since=time.time())
        self.needs: list[Runner] = []
        self.after: list[Runner] = []
        self.needed_by: list[Runner] = []
        self._log = log
        self._environment = {**environment, **service.environment}
        self._stopping = stopping
        self._report = report
        self._ready = threading.Event()
        self._over = threading.Event()

    def run(self) -> None:
        """Run until ``stopping``, or for a service that ends, until it has succeeded."""
        try:
            if self._wait_for(self.needs) and self._wait_for(self.after, AFTER_SECONDS):
                self._keep_running()
        finally:
            self._become("stopped")
            self._over.set()

    def _wait_for(self, others: list["Runner"], seconds: float = float("inf")) -> bool:
        """Wait until these have been ready, or until the timeout; False if this one has to stop."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(other._ready.is_set() for other in others):
            if self._stopping.wait(TICK):
                return False
        return not self._stopping.is_set()

    def _keep_running(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            began = time.monotonic()
            code = self._run_once()
            if code is None:
                return
            if self.service.ends and code == 0:
                self._ready.set()
                self._become("done", pid=0)
                self._stopping.wait()
                return
            if time.monotonic() - began > STEADY_SECONDS:
                wait = FIRST_WAIT
            self._become("restarting", pid=0, restarts=self.state.restarts + 1, detail=self._last_words(code))
            self._stopping.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    def _run_once(self) -> int | str | None:
        """Start the process and watch it; its exit code or why there is none, or None if it had to stop."""
        started = time.time()
        try:
            process = self._start()
        except OSError as error:
            return str(error)
        try:
            code = self._look_after(process, started)
            if code is None:
                self._stop(process)
            return code
        finally:
            kill_group(process.pid)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                self.service.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        identity = Identity.of(process.pid)
        self._become("starting", pid=process.pid, started=identity.started if identity else 0.0)
        return process

    def _look_after(self, process: subprocess.Popen[bytes], started: float) -> int | None:
        """Check the service's health until it ends; its exit code, or None if it has to stop."""
        ask_at = 0.0
        while not self._stopping.wait(TICK):
            if (code := process.poll()) is not None:
                return code
            if time.monotonic() < ask_at or self.service.ends:
                continue
            if self.service.ready(started):
                self._ready.set()
                self._become("ready", detail="")
            elif self.state.state == "ready":
                self._become("unwell", detail="it is running but not healthy")
            ask_at = time.monotonic() + (ASK_SECONDS if self.state.state == "starting" else LOOK_SECONDS)
        return None

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        for other in self.needed_by:
            other._over.wait()
        self._become("stopping")
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.service.stop_seconds)
            return
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(KILL_SECONDS)

    def _last_words(self, code: int | str) -> str:
        """Why the process ended, according to its log: the last line that mentions an error, or the last line."""
        lines = [line.strip() for line in self._log.read_text(errors="replace")[-8000:].splitlines() if line.strip()]
        errors = [line for line in lines if ERROR.search(line)]
        return f"it ended ({code}): {(errors or lines or ['its log is empty'])[-1][:300]}"

    def _become(self, state: str, **changes: Any) -> None:
        if state == self.state.state and not changes:
            return
        since = self.state.since if state == self.state.state else time.time()
        self.state = self.state.changed(state=state, since=since, **changes)
        self._report()
