"""Flink's session cluster: its configuration, its class path, its two commands.

The installed wheel is not modified: configuration and class path are directories of our own. Java is started directly;
the wheel's shell scripts would first start three more JVMs, to compute what is written down here.
"""

import importlib.util
import json
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from flead.layout import Layout
from flead.platform.training.saved import CHECKPOINTS, SAVEPOINTS
from flead.settings.engines import FlinkSettings
from flead.stack.errors import StackError
from flead.stack.java import LOG4J, QUICK, java, java_home

HOST = "127.0.0.1"
SLOTS = 4
"""Slots of the TaskManager: a job of parallelism 2 takes two, and its successor can start before they are free."""
COMPRESSORS = ("zstd-jni", "lz4-java", "snappy-java")
"""Kafka's compression codecs, which the connector's jar lacks."""

JOBMANAGER_MEMORY = ("-Xmx320m", *QUICK, "-XX:MaxMetaspaceSize=192m")
TASKMANAGER_MEMORY = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=256m", "-XX:MaxDirectMemorySize=192m")
OPENED = [
    f"--add-opens=java.base/java.{package}=ALL-UNNAMED"
    for package in (
        "lang", "lang.reflect", "net", "io", "nio", "text", "time", "util", "util.concurrent",
        "util.concurrent.atomic", "util.concurrent.locks",
    )
] + ["--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "-Djava.security.manager=allow"]  # fmt: skip
"""The packages of a modern Java that Flink's own configuration opens."""


def configuration(settings: FlinkSettings, layout: Layout) -> dict[str, str | float]:
    """Flink's settings; the job chooses its own parallelism, checkpoint interval and guarantees."""
    alone = settings.flink_host == HOST
    here, everywhere = (HOST, HOST) if alone else (socket.gethostname(), "0.0.0.0")
    return {
        "jobmanager.rpc.address": settings.flink_host,
        "jobmanager.rpc.port": settings.jobmanager_port,
        "jobmanager.bind-host": everywhere,
        "rest.address": settings.flink_host,
        "rest.bind-address": everywhere,
        "rest.port": settings.flink_port,
        "taskmanager.host": here,
        "taskmanager.bind-host": everywhere,
        "taskmanager.numberOfTaskSlots": SLOTS,
        # The parts of the memory above that Flink allocates itself. It wants either all of them set, or none.
        "taskmanager.cpu.cores": float(SLOTS),
        "taskmanager.memory.framework.heap.size": "128m",
        "taskmanager.memory.task.heap.size": "384m",
        "taskmanager.memory.framework.off-heap.size": "64m",
        "taskmanager.memory.task.off-heap.size": "64m",
        "taskmanager.memory.network.min": "64m",
        "taskmanager.memory.network.max": "64m",
        "taskmanager.memory.managed.size": "64m",
        "taskmanager.memory.jvm-metaspace.size": "256m",
        "taskmanager.memory.jvm-overhead.min": "192m",
        "taskmanager.memory.jvm-overhead.max": "192m",
        # So that a lost TaskManager is noticed within seconds. Longer timeouts would only matter on a network.
        "heartbeat.interval": "2 s",
        "heartbeat.timeout": "15 s",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1 s",
        "restart-strategy.exponential-delay.max-backoff": "30 s",
        "execution.checkpointing.dir": (layout.flink / CHECKPOINTS).as_uri(),
        "execution.checkpointing.savepoint-dir": (layout.flink / SAVEPOINTS).as_uri(),
        "execution.checkpointing.num-retained": 3,
        "io.tmp.dirs": str(layout.flink / "tmp"),
        "web.tmpdir": str(layout.flink / "tmp"),
        "env.java.opts.all": " ".join(OPENED),
    }


def jobmanager_command(layout: Layout) -> tuple[str, ...]:
    """The command that starts the JobManager."""
    return _flink(
        layout,
        "flink-jobmanager",
        JOBMANAGER_MEMORY,
        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
    )


def taskmanager_command(layout: Layout) -> tuple[str, ...]:
    """The command that starts the TaskManager."""
    return _flink(
        layout, "flink-taskmanager", TASKMANAGER_MEMORY, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    )


def worker_environment() -> dict[str, str]:
    """What a TaskManager needs to run Python: its interpreter takes packages from the first python3 in PATH."""
    return {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))}


def client_environment(settings: FlinkSettings, layout: Layout) -> dict[str, str]:
    """What PyFlink needs in its environment to submit a job to this cluster."""
    del settings
    return {
        "JAVA_HOME": str(java_home()),
        "FLINK_HOME": str(_home()),  # without it PyFlink ignores the other directories
        "FLINK_CONF_DIR": str(layout.flink / "conf"),
        "FLINK_LIB_DIR": str(layout.flink / "lib"),
        "FLINK_LOG_DIR": str(layout.flink / "tmp"),
        "JVM_ARGS": " ".join(("-Xmx256m", *QUICK)),
    }


def prepare(settings: FlinkSettings, layout: Layout, connector: Sequence[Path], kafka: Sequence[Path]) -> None:
    """Write the configuration and lay out the class path; ``tmp`` holds leftovers of an earlier run."""
    home = _home()
    for name in "conf", "lib", "tmp":
        shutil.rmtree(layout.flink / name, ignore_errors=True)
    for name in "conf", "lib", "tmp", CHECKPOINTS, SAVEPOINTS:
        (layout.flink / name).mkdir(parents=True, exist_ok=True)
    # JSON is valid YAML, and needs no quoting rules of our own.
    lines = [f"{name}: {json.dumps(value)}" for name, value in configuration(settings, layout).items()]
    (layout.flink / "conf" / "config.yaml").write_text("\n".join(lines) + "\n")
    (layout.flink / "conf" / "log4j-console.properties").write_text(LOG4J)
    # At level INFO a client logs every class that its type extractor looks at.
    (layout.flink / "conf" / "log4j-cli.properties").write_text(LOG4J.replace("level = INFO", "level = WARN"))
    compressors = [jar for jar in kafka if jar.name.rpartition("-")[0].startswith(COMPRESSORS)]
    for jar in (*home.glob("lib/*.jar"), *home.glob("opt/flink-python-*.jar"), *connector, *compressors):
        (layout.flink / "lib" / jar.name).symlink_to(jar)


def _flink(layout: Layout, service: str, memory: tuple[str, ...], entry: str) -> tuple[str, ...]:
    conf = layout.flink / "conf"
    return java(
        *memory,
        *OPENED,
        f"-Dlog.file={layout.log(service)}",  # where Flink's page looks for it
        f"-Dlog4j.configurationFile={conf / 'log4j-console.properties'}",
        "-cp",
        f"{layout.flink / 'lib'}{os.sep}*",
        entry,
        "--configDir",
        str(conf),
    )


def _home() -> Path:
    found = importlib.util.find_spec("pyflink")
    if found is None or found.origin is None:
        raise StackError("Flink is not installed in this environment: make setup EXTRA=platform")
    return Path(found.origin).parent
