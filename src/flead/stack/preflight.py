"""Prerequisites of a start: free ports and enough memory. Each failure is one line."""

from collections.abc import Iterable
from pathlib import Path

import psutil

from flead.settings import PREFIX
from flead.stack.errors import StackError
from flead.stack.services import Port, Service
from flead.storage.server.exclusive import is_free

CGROUP = Path("/sys/fs/cgroup")


def check_ports(services: Iterable[Service]) -> None:
    """Raise StackError if two services want the same port, or another program uses one."""
    seen: dict[int, tuple[str, Port]] = {}
    for service in services:
        for port in service.ports:
            if port.number in seen:
                other, its = seen[port.number]
                raise StackError(
                    f"{service.name} and {other} would both listen on port {port.number}:"
                    f" change {_setting(port)} or {_setting(its)}"
                )
            seen[port.number] = service.name, port
            if not is_free(port.number):
                raise StackError(
                    f"port {port.number}, which {service.name} needs, is in use{user_of(port.number)}:"
                    f" stop what uses it, or change {_setting(port)}"
                )


def check_memory(services: Iterable[Service]) -> None:
    """Raise StackError if the services need more memory than is available."""
    needed, available = sum(service.megabytes for service in services), available_megabytes()
    if available < needed:
        raise StackError(
            f"not enough memory: the platform needs {needed} MB, and {available} MB are free: close other programs,"
            " use fewer brokers (FLEAD_BROKERS), or run the embedded pipeline (flead run)"
        )


def available_megabytes() -> int:
    """Memory that programs can still use, within the limit of our control group if it has one."""
    available = psutil.virtual_memory().available
    try:
        limit, used = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        counted = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        available = min(available, limit - used + int(counted["inactive_file"]))  # cached files are evicted
    except (OSError, ValueError, KeyError):
        pass  # no control group, or no limit: "max"
    return int(available // 1_000_000)


def _setting(port: Port) -> str:
    return f"{port.setting} ({PREFIX}{port.setting.upper()})"


def user_of(port: int) -> str:
    """Which process uses the port, if the operating system says so."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except (psutil.Error, OSError, TypeError):
        pass
    return ""
