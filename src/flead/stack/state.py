"""The state of all services, in a file that the supervisor writes and commands read."""

import os
from pathlib import Path
from typing import Any, Literal

import msgspec

State = Literal["waiting", "starting", "ready", "unwell", "done", "restarting", "stopping", "stopped", "left over"]


class ServiceState(msgspec.Struct, frozen=True):
    """One service at one moment."""

    name: str
    state: State
    """``done``: a command that has succeeded. ``left over``: it is running, but its supervisor was killed."""
    since: float = 0.0
    """When it entered this state, in seconds since the epoch."""
    pid: int = 0
    started: float = 0.0
    """When its process was started, as reported by the operating system."""
    restarts: int = 0
    detail: str = ""
    """Why it is not ready, or the last output of its last process."""

    def changed(self, **changes: Any) -> "ServiceState":
        """The same service with some fields replaced."""
        return msgspec.structs.replace(self, **changes)


def write(path: Path, states: list[ServiceState]) -> None:
    """Replace the file atomically: a reader sees the old or the new one."""
    unfinished = path.with_suffix(".new")
    unfinished.write_bytes(msgspec.json.encode(states))
    os.replace(unfinished, path)


def read(path: Path) -> dict[str, ServiceState]:
    """The services in the file by name; none if there is no file."""
    try:
        states = msgspec.json.decode(path.read_bytes(), type=list[ServiceState])
    except FileNotFoundError:
        return {}
    return {state.name: state for state in states}
