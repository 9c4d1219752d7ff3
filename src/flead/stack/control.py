"""``flead up``, ``flead down`` and ``flead status``."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from flead.layout import Layout
from flead.settings import Settings
from flead.stack import flink, kafka, preflight, spark, state
from flead.stack.errors import StackError
from flead.stack.jars import fetch
from flead.stack.locks import held, holder
from flead.stack.processes import Identity, end, marked
from flead.stack.services import Service, environment, needed, services
from flead.storage.server.processes import servers_on, stop_all

START_SECONDS = 300.0
STOP_SECONDS = 150.0
"""Seconds for the supervisor to stop everything, a savepoint included."""
LEFT_OVER_SECONDS = 30.0
"""Seconds for processes without a supervisor to stop: brokers close their logs."""
SWEEPS = 2
GIVE_UP_AFTER = 3
"""Failed starts of a service after which ``up`` gives up."""
UP = ("ready", "done")
LOOK_SECONDS = 0.2

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One line of ``flead status``."""

    name: str
    state: state.State
    ports: tuple[int, ...]
    since: float
    """In seconds since the epoch; 0 if it was never started."""
    pid: int
    restarts: int
    detail: str


def up(
    settings: Settings,
    only: Sequence[str] | None = None,
    tell: Tell = lambda line: None,
    seconds: float = START_SECONDS,
) -> bool:
    """Start the platform, or ``only`` the services named and what they need, and wait until they are ready.

    Returns False if it was up before. ``tell`` gets a line about everything that takes a while. Raises StackError with
    what prevents the start, before starting anything, or with the service that fails, leaving the others running.
    """
    layout, table = Layout.of(settings), services(settings)
    wanted = needed(table, _known(table, only)) if only else table
    with held(layout.command_lock):
        is_up = holder(layout.supervisor_lock) is not None
        if is_up:
            absent = sorted(set(wanted) - set(state.read(layout.state)))
            if absent:
                raise StackError(f"the platform is up without {', '.join(absent)}: run flead down, then flead up")
        else:
            _end_left_over(layout)
            _prepare(settings, layout, wanted, tell)
            _launch(settings, list(wanted))
    _wait_until_ready(layout, wanted, tell, seconds)
    return not is_up


def down(settings: Settings, tell: Tell = lambda line: None) -> bool:
    """Stop everything, also after a kill; False if nothing was running. Raises StackError if a process does not end."""
    layout = Layout.of(settings)
    if not layout.root.exists():
        return False
    with held(layout.command_lock):
        pid = holder(layout.supervisor_lock)
        supervisor = Identity.of(pid) if pid else None
        if supervisor is not None:
            tell("stopping the services, in reverse order")
            _stop_supervisor(supervisor)
        return _end_left_over(layout) or supervisor is not None


def status(settings: Settings) -> list[ServiceStatus]:
    """The state of every service, in the order of the table."""
    layout = Layout.of(settings)
    states = state.read(layout.state)
    is_up = holder(layout.supervisor_lock) is not None
    found = []
    for service in services(settings).values():
        now = states.get(service.name, state.ServiceState(service.name, "stopped"))
        if not is_up:
            runs = Identity(now.pid, now.started).is_running()
            now = now.changed(
                state="left over" if runs else "stopped",
                detail="its supervisor was killed: flead down stops it, flead up restarts it" if runs else "",
                pid=now.pid if runs else 0,
            )
        ports = tuple(port.number for port in service.ports)
        found.append(ServiceStatus(service.name, now.state, ports, now.since, now.pid, now.restarts, now.detail))
    return found


def _known(table: Mapping[str, Service], names: Sequence[str]) -> Sequence[str]:
    unknown = sorted(set(names) - set(table))
    if unknown:
        raise StackError(f"no such service: {', '.join(unknown)}; there are {', '.join(table)}")
    return names


def _prepare(settings: Settings, layout: Layout, wanted: Mapping[str, Service], tell: Tell) -> None:
    """Check the prerequisites, download what is missing, write the configuration files."""
    preflight.check_ports(wanted.values())
    preflight.check_memory(wanted.values())
    layout.log("supervisor").parent.mkdir(parents=True, exist_ok=True)
    images = {service.image for service in wanted.values()}
    if images & {"kafka", "flink"}:
        jars = fetch("kafka", layout.cache, tell)
        kafka.prepare(settings, layout, jars)
        if "flink" in images:
            flink.prepare(settings, layout, fetch("flink", layout.cache, tell), jars)
    if "spark" in images:
        spark.prepare(settings, layout, fetch("spark", layout.cache, tell))


def _launch(settings: Settings, names: list[str]) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "flead.stack.supervisor", *names],
        env=os.environ | environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if started.returncode:
        raise StackError(f"the supervisor did not start: {started.stderr.strip()[-500:]}")


def _wait_until_ready(layout: Layout, wanted: Mapping[str, Service], tell: Tell, seconds: float) -> None:
    began = time.monotonic()
    told: set[str] = set()
    while True:
        now = {name: found for name, found in state.read(layout.state).items() if name in wanted}
        for name, found in now.items():
            if found.state in UP and name not in told:
                told.add(name)
                tell(f"{name} is ready ({time.monotonic() - began:.1f} s)")
            if found.restarts >= GIVE_UP_AFTER and name not in told:
                raise StackError(f"{name} failed to start: {found.detail}; see flead logs {name}")
        if len(told) == len(wanted):
            return
        if holder(layout.supervisor_lock) is None:
            raise StackError(f"the supervisor has ended: see {layout.log('supervisor')}")
        if time.monotonic() - began > seconds:
            late = ", ".join(name for name in wanted if name not in told)
            raise StackError(f"not ready after {seconds:.0f} s: {late}; see flead status and flead logs")
        time.sleep(LOOK_SECONDS)


def _stop_supervisor(supervisor: Identity) -> None:
    process = psutil.Process(supervisor.pid)
    try:
        process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while supervisor.is_running() and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        if supervisor.is_running():
            process.kill()
    except psutil.NoSuchProcess:
        pass


def _end_left_over(layout: Layout) -> bool:
    """End processes that were left behind by a killed supervisor; whether there were any."""
    found = left = marked(layout.root)
    for _ in range(SWEEPS):
        end(left, LEFT_OVER_SECONDS)
        left = marked(layout.root)  # one that was just being started
    if left:
        raise StackError(f"these processes did not end: {', '.join(str(process.pid) for process in left)}")
    cluster = layout.database / "postgres"
    servers = servers_on(cluster) if cluster.exists() else []
    if servers:
        stop_all(cluster)
    layout.state.unlink(missing_ok=True)
    return bool(found or servers)
