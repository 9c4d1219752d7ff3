"""The platform's processes: found by a mark in their environment, ended with everything that they started.

A process id alone proves nothing, since the number may belong to another process by now, and the one who noted it may
have been killed. The mark is inherited, cannot get lost, and names the directory of its platform. (Postgres starts its
server with an environment of its own; its directory tells it instead, see :mod:`flead.storage.server.processes`.)
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
    """A process that is not mistaken for a later one with the same number."""

    pid: int
    started: float
    """Seconds since the epoch, as the operating system says it."""

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The running process of this number; one that nobody has waited for yet has ended."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return cls(pid, process.create_time())
        except psutil.NoSuchProcess:
            return None

    def is_running(self) -> bool:
        """Whether it still runs."""
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
            continue  # it has ended, or belongs to somebody else
    return found


def kill_group(group: int) -> None:
    """End what is left of a process group; for the parent of its leader, as soon as that one has ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def end(processes: Iterable[psutil.Process], seconds: float) -> None:
    """End processes: politely, then for good. psutil makes sure that a number still means the same process."""
    processes = list(processes)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, seconds)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, 5)
