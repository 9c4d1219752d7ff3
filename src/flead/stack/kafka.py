"""Kafka brokers: their configuration and their directories."""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from flead.layout import Layout
from flead.settings.kafka import KafkaSettings
from flead.stack.errors import StackError
from flead.stack.java import LOG4J, QUICK, java

HOST = "127.0.0.1"
CONTROLLERS = 3
"""Brokers that also keep the cluster's metadata (controllers): one of three may be lost."""
MEMORY = ("-Xmx256m", "-XX:MaxMetaspaceSize=128m")
"""Heap of a broker: data is held by the page cache of the operating system, not by the heap."""
FORMAT_SECONDS = 120

COMMON = {
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "HOST",
    "listener.security.protocol.map": "HOST:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    # Enough for one machine's clients; the defaults start 50 partitions of each at the first group or transaction.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    # A consumer group starts at once, a lost broker is noticed sooner, and a partition returns to its own broker.
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "6000",
    "leader.imbalance.check.interval.seconds": "20",
    # By default half of the heap.
    "log.cleaner.dedupe.buffer.size": str(8 << 20),
    # Sinks ask for less; a transaction that a lost sink left open blocks readers no longer than this.
    "transaction.max.timeout.ms": str(15 * 60_000),
}


def replicas(brokers: int) -> tuple[int, int]:
    """Copies of every partition, and how many must have a record before it counts as written."""
    copies = min(3, brokers)
    return copies, max(1, copies - 1)


def properties(settings: KafkaSettings, node: int, directory: Path) -> dict[str, str]:
    """The configuration of one broker."""
    copies, in_sync = replicas(settings.brokers)
    address = f"HOST://{HOST}:{settings.kafka_port + node - 1}"
    controllers = range(1, min(CONTROLLERS, settings.brokers) + 1)
    voters = [f"{n}@{HOST}:{settings.controller_port + n - 1}" for n in controllers]
    is_controller = node in controllers
    own = {
        "node.id": str(node),
        "process.roles": "broker,controller" if is_controller else "broker",
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"{address},CONTROLLER://{voters[node - 1].split('@')[1]}" if is_controller else address,
        "advertised.listeners": address,
        "log.dirs": str(directory / "data"),
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(in_sync),
    }
    for topic in "offsets.topic", "transaction.state.log", "share.coordinator.state.topic":
        own[f"{topic}.replication.factor"] = str(copies)
    for topic in "transaction.state.log", "share.coordinator.state.topic":
        own[f"{topic}.min.isr"] = str(in_sync)
    return COMMON | own


def broker_command(layout: Layout, jars: Sequence[Path], node: int) -> tuple[str, ...]:
    """The command that starts a broker whose directory is prepared."""
    return java(
        *MEMORY,
        *QUICK,
        f"-Dlog4j2.configurationFile={layout.kafka / 'log4j2.properties'}",
        "-cp",
        os.pathsep.join(map(str, jars)),
        "kafka.Kafka",
        str(_directory(layout, node) / "server.properties"),
    )


def prepare(settings: KafkaSettings, layout: Layout, jars: Sequence[Path]) -> None:
    """Write every broker's configuration, and give those that have none an empty data directory.

    Formatting takes a second, so it is done once; the other directories are copies with two identifiers changed.
    """
    for node in range(1, settings.brokers + 1):
        directory = _directory(layout, node)
        directory.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}" for name, value in properties(settings, node, directory).items()]
        (directory / "server.properties").write_text("\n".join(lines) + "\n")
    (layout.kafka / "log4j2.properties").write_text(LOG4J)
    first = _directory(layout, 1) / "data"
    if not (first / "meta.properties").exists():
        _format(layout, jars)
    cluster = _meta(first)["cluster.id"]
    for node in range(2, settings.brokers + 1):
        data = _directory(layout, node) / "data"
        if not (data / "meta.properties").exists():
            data.mkdir(exist_ok=True)
            shutil.copy(first / "bootstrap.checkpoint", data)
            _write_meta(
                data, {"version": "1", "cluster.id": cluster, "node.id": str(node), "directory.id": _identifier()}
            )


def _directory(layout: Layout, node: int) -> Path:
    return layout.kafka / f"broker-{node}"


def _format(layout: Layout, jars: Sequence[Path]) -> None:
    command = java(
        *QUICK,
        "-cp",
        os.pathsep.join(map(str, jars)),
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={_identifier()}",
        f"--config={_directory(layout, 1) / 'server.properties'}",
    )
    ran = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_SECONDS)
    if ran.returncode:
        raise StackError(f"cannot create Kafka's directory {layout.kafka}: {(ran.stderr or ran.stdout).strip()[-500:]}")


def _meta(data: Path) -> dict[str, str]:
    lines = (data / "meta.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def _write_meta(data: Path, meta: dict[str, str]) -> None:
    unfinished = data / "meta.properties.new"
    unfinished.write_text("".join(f"{name}={value}\n" for name, value in meta.items()))
    unfinished.replace(data / "meta.properties")


def _identifier() -> str:
    """A UUID in Kafka's notation."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
