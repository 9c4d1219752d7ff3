"""``flead agent``: the store, the source, the uplink and the agent, put together and taken apart again."""

import fcntl
import importlib.util
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flead.agent.address import parse, shown
from flead.agent.agent import Agent
from flead.agent.clock import wall
from flead.agent.errors import AgentError
from flead.agent.figures import Figures
from flead.agent.sources import make_source
from flead.agent.store import AgentStore
from flead.agent.uplink import Uplink
from flead.columns import Source
from flead.ingest.recognise.understanding import Account
from flead.ingest.report import at_end, at_start
from flead.settings import Settings
from flead.trust.keys import SigningKey

LOCK, KEY = "agent.lock", "agent.key"


def directory_of(settings: Settings) -> Path:
    """Where an agent keeps its things."""
    return settings.data_dir.expanduser() / "agent"


def name_of(settings: Settings) -> str:
    """The agent's name: as it is set, else the machine's."""
    if settings.agent_name:
        return settings.agent_name
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).lstrip("._-")[:64] or "agent"


def key_of(settings: Settings) -> SigningKey:
    """The agent's key, which is made if there is none."""
    directory_of(settings).mkdir(parents=True, exist_ok=True)
    return SigningKey.load_or_create(directory_of(settings) / KEY)


def run(settings: Settings, *, fresh: bool) -> Figures:
    """Run the agent until its source has ended and everything is delivered, or until SIGTERM or SIGINT.

    Returns what it has done. AgentError, TrustError or SourceError where it cannot.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(message)s")
    with alone(directory_of(settings)):
        key, name = key_of(settings), name_of(settings)
        opened = make_source(settings, f"flead-{name}-source-{key.public[:8]}")
        uplink = make_uplink(settings, name, key)
        who = Figures(
            name, key.public, shown(settings.source or ""), shown(settings.uplink or ""), settings.learner, wall()
        )
        store = AgentStore(directory_of(settings))
        try:
            agent = Agent(settings, opened.source, opened.live, store, uplink, who, fresh=fresh)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: agent.stop())
            logging.getLogger("flead").info(
                "agent %s: %s to %s, %d devices known", name, who.source, who.uplink, agent.figures.devices
            )
            log_files(opened.source, at_start)
            uplink.start()
            agent.run(opened.until)
            log_files(opened.source, at_end)
        finally:
            opened.source.close()
            store.close()
    return agent.figures


def make_uplink(settings: Settings, name: str, key: SigningKey) -> Uplink:
    """The uplink that ``settings.uplink`` names. AgentError if it names none."""
    if not settings.uplink:
        raise AgentError("no uplink: give --uplink mqtt://HOST or kafka://HOST:PORT")
    address = parse(settings.uplink, "uplink")
    if address.scheme == "kafka":
        if importlib.util.find_spec("confluent_kafka") is None:
            raise AgentError("uplink: kafka:// needs the package confluent-kafka: install it, or use mqtt://")
        from flead.agent.kafka_uplink import KafkaUplink

        return KafkaUplink(settings, address, name, key)
    from flead.agent.mqtt_uplink import MqttUplink

    return MqttUplink(settings, address, name, key)


def log_files(source: Source, lines_of: Callable[[Account], list[str]]) -> None:
    """Say what a source's files were understood as, or what became of them; other sources have none."""
    account = getattr(source, "account", None)
    if isinstance(account, Account):
        for line in lines_of(account):
            logging.getLogger("flead").log(logging.WARNING if "warning: " in line else logging.INFO, "%s", line)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the directory's lock, which the system opens should this process die. AgentError if another holds it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / LOCK).open("a+")
    except OSError as error:
        raise AgentError(f"cannot write to {directory} ({error.strerror}): set data_dir to another directory") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AgentError(f"another agent works in {directory}: stop it, or set data_dir to another one") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def running_as(directory: Path) -> int | None:
    """The process that holds the directory's lock; None if none does."""
    try:
        with (directory / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        text = (directory / LOCK).read_text().strip()
        return int(text) if text.isdigit() else 0
    return None
