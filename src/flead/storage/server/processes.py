"""The server processes of one database directory: how they are found, and waited for with a deadline."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from flead.storage.server.binaries import PostgresError

CLEAN_STOP_SECONDS = 30.0
"""Seconds for a stop that writes all changed pages."""
HARD_STOP_SECONDS = 5.0
"""Seconds for a stop that does not; the next start replays the log."""


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_running(pid: int) -> bool:
    """Whether this process exists and has not ended; a zombie counts as ended."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def servers_on(cluster: Path) -> list[psutil.Process]:
    """All processes of Postgres that work in this directory.

    A PID file alone proves nothing, since the number may belong to another process by now; the working directory
    does. Processes that we may not look at are not ours.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and Path(process.cwd()) == cluster.resolve():
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess, OSError):
            continue
    return found


def stop_all(cluster: Path) -> None:
    """Stop whatever server works in this directory, cleanly if it can be; raises PostgresError if it stays."""
    for number, seconds in (
        (signal.SIGINT, CLEAN_STOP_SECONDS),
        (signal.SIGQUIT, HARD_STOP_SECONDS),
        (signal.SIGKILL, HARD_STOP_SECONDS),
    ):
        left = servers_on(cluster)
        if not left:
            return
        pids = {process.pid for process in left}
        for process in left:
            try:
                # The first of them stops the others; those that it left behind notice by themselves.
                if number == signal.SIGKILL or process.ppid() not in pids:
                    process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        if wait_for(lambda: not servers_on(cluster), seconds):
            return
    raise PostgresError(f"the processes {sorted(pids)} use {cluster} and did not stop: end them and try again")


def read_pid_file(cluster: Path) -> list[str]:
    """The lines of the server's PID file: first the PID, in the eighth the status; empty without a file."""
    try:
        return [line.strip() for line in (cluster / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def remove_misleading_pid_file(cluster: Path) -> None:
    """Remove a PID file that would keep a server from starting: half-written, or its PID now another process's.

    Only where :func:`servers_on` finds none. Any other old file is left to Postgres, which handles it.
    """
    pid = "".join(read_pid_file(cluster)[:1])
    if not pid.isdigit() or psutil.pid_exists(int(pid)):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
