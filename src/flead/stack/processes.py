"""The platform's processes: found by a mark in their environment, stopped with everything that they started.

A process id alone proves nothing, since the number may belong to another process by now, and the one who noted it may
have been killed. The mark is inherited, cannot get lost, and names the directory of its platform. (Postgres starts its
server with an environment of its own; it is found by its directory instead, see :mod:`flead.storage.server.processes`.)
"""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "FLEAD_STACK"
"""The environment variable; its value is the platform's directory."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process id with its start time, so that it is not confused with a later process of the same id."""

    pid: int
    started: float
    """Seconds since the epoch, as reported by the operating system."""

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The running process with this id; a zombie counts as ended."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return cls(pid, process.create_time())
        except psutil.NoSuchProcess:
            return None

    def is_running(self) -> bool:
        """Whether it is still running."""
        return Identity.of(self.pid) == self


def marked(root: Path) -> list[psutil.Process]:
    """All running processes of the platform in ``root``, the supervisor among them; not this one."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.pid != os.getpid() and process.environ().get(MARK) == str(root)
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # it has ended, or belongs to another user
    return found


def kill_group(group: int) -> None:
    """Kill what is left of a process group; for the parent of its leader, as soon as the leader has ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def end(processes: Iterable[psutil.Process], seconds: float) -> None:
    """Terminate processes, then kill those that remain. psutil makes sure that an id still means the same process."""
    processes = list(processes)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, seconds)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, 5)
