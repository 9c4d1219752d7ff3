"""Spark's standalone cluster: its configuration, its Java, its two commands.

The installed wheel is not modified: configuration, working directories and the Java that Spark starts are our own.
"""

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from flead.layout import Layout
from flead.settings.engines import SparkSettings
from flead.stack.errors import StackError
from flead.stack.java import LOG4J, QUICK, java, java_home

HOST = "127.0.0.1"
CORES = 3
"""Tasks that the worker runs at once: one of the evaluation, two of the analytics when they are due."""
WORKER_MEMORY = "1100m"
"""Memory for executors: one of each of the two."""

DAEMON_MEMORY = ("-Xmx128m", *QUICK, "-XX:MaxMetaspaceSize=128m")
"""JVM options of the master and the worker, which only start processes."""
OPENED = [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in (
        "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util",
        "java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs",
        "sun.security.action", "sun.util.calendar",
    )
] + ["-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true"]  # fmt: skip
"""The packages of a modern Java that Spark's own launcher opens."""

JAVA = """\
#!/bin/sh
# Spark asks for a module that this runtime does not have and that it does without.
for argument do shift; [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"; done
exec '{java}' "$@"
"""


def configuration(settings: SparkSettings, layout: Layout, jars: Sequence[Path]) -> dict[str, str]:
    """Spark's settings, for all applications on this cluster."""
    classes = os.pathsep.join(map(str, jars))
    # A JVM grows its heap before it collects garbage, so the young generation is kept small.
    java_options = " ".join((*QUICK, "-Xmn64m", "-XX:MaxMetaspaceSize=160m"))
    return {
        "spark.master": master(settings),
        "spark.driver.host": _here(settings),
        "spark.driver.bindAddress": HOST if _alone(settings) else "0.0.0.0",
        "spark.driver.extraClassPath": classes,
        "spark.executor.extraClassPath": classes,
        # The minimum that Spark accepts: the computation is done in Python.
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.driver.extraJavaOptions": java_options,
        "spark.executor.extraJavaOptions": java_options,
        # A web page for each job costs memory; the master's page shows what is running.
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Nothing is kept of finished jobs.
        "spark.worker.cleanup.enabled": "true",
        "spark.worker.cleanup.interval": "600",
        "spark.worker.cleanup.appDataTtl": "3600",
        "spark.deploy.retainedApplications": "20",
        "spark.executor.logs.rolling.strategy": "size",
        "spark.executor.logs.rolling.maxSize": str(4 << 20),
        "spark.executor.logs.rolling.maxRetainedFiles": "2",
    }


def master(settings: SparkSettings) -> str:
    """The master's address."""
    return f"spark://{settings.spark_host}:{settings.spark_port}"


def master_command(settings: SparkSettings, layout: Layout) -> tuple[str, ...]:
    """The command that starts the master."""
    return _daemon(
        settings, layout, "org.apache.spark.deploy.master.Master",
        "--port", str(settings.spark_port), "--webui-port", str(settings.spark_ui_port),
    )  # fmt: skip


def worker_command(settings: SparkSettings, layout: Layout) -> tuple[str, ...]:
    """The command that starts the worker."""
    return _daemon(
        settings, layout, "org.apache.spark.deploy.worker.Worker",
        "--webui-port", str(settings.spark_worker_port), "--cores", str(CORES), "--memory", WORKER_MEMORY,
        "--work-dir", str(layout.spark / "work"), master(settings),
    )  # fmt: skip


def environment(settings: SparkSettings, layout: Layout) -> dict[str, str]:
    """What Spark's processes need in their environment."""
    return {
        "JAVA_HOME": str(layout.spark / "java"),
        "SPARK_HOME": str(_home()),
        "SPARK_SCALA_VERSION": "2.13",
        "SPARK_CONF_DIR": str(layout.spark / "conf"),
        "SPARK_LOCAL_IP": HOST if _alone(settings) else "0.0.0.0",  # where its pages are
        "SPARK_LOCAL_HOSTNAME": _here(settings),
        "SPARK_LOCAL_DIRS": str(layout.spark / "tmp"),
        "PYSPARK_PYTHON": sys.executable,
    }


def client_environment(settings: SparkSettings, layout: Layout) -> dict[str, str]:
    """What PySpark needs in its environment to run on this cluster; raises StackError where it is not set up."""
    if not (layout.spark / "conf").is_dir():
        raise StackError("Spark is not set up here: flead up does it")
    return environment(settings, layout)


def prepare(settings: SparkSettings, layout: Layout, jars: Sequence[Path]) -> None:
    """Write the configuration and our Java; ``tmp`` and ``work`` hold leftovers of an earlier run."""
    for name in "conf", "tmp", "work", "java":
        shutil.rmtree(layout.spark / name, ignore_errors=True)
    for name in "conf", "tmp", "work", "java/bin", "checkpoints":
        (layout.spark / name).mkdir(parents=True, exist_ok=True)
    lines = [f"{name} {value}" for name, value in configuration(settings, layout, jars).items()]
    (layout.spark / "conf" / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
    # The logs of our jobs are enough; Spark itself logs hundreds of lines a minute.
    (layout.spark / "conf" / "log4j2.properties").write_text(LOG4J.replace("level = INFO", "level = WARN"))
    program = layout.spark / "java" / "bin" / "java"
    program.write_text(JAVA.format(java=java_home() / "bin" / "java"))
    program.chmod(0o755)


def _daemon(settings: SparkSettings, layout: Layout, entry: str, *arguments: str) -> tuple[str, ...]:
    conf = layout.spark / "conf"
    return java(
        *DAEMON_MEMORY,
        *OPENED,
        f"-Dlog4j2.configurationFile={conf / 'log4j2.properties'}",
        "-cp",
        f"{conf}{os.pathsep}{_home() / 'jars'}{os.sep}*",
        entry,
        "--host",
        _here(settings),
        "--properties-file",
        str(conf / "spark-defaults.conf"),
        *arguments,
    )


def _alone(settings: SparkSettings) -> bool:
    """Whether everything runs on this machine; in containers each has a host name of its own."""
    return settings.spark_host == HOST


def _here(settings: SparkSettings) -> str:
    return HOST if _alone(settings) else socket.gethostname()


def _home() -> Path:
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise StackError("Spark is not installed in this environment: make setup EXTRA=platform")
    return Path(found.origin).parent
