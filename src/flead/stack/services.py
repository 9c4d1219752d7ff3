"""The one table of services: what each needs, runs and listens on, and how it is checked."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import SecretStr

from flead.layout import Layout
from flead.settings import PREFIX, Settings
from flead.stack import checks, flink, grafana, kafka, spark
from flead.stack.checks import Check
from flead.stack.jars import places
from flead.stack.processes import MARK
from flead.storage.server.store import served_store


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the loopback interface, and the setting that moves it."""

    number: int
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process that the supervisor keeps running."""

    name: str
    command: tuple[str, ...]
    image: Literal["flead", "flink", "spark", "kafka", "mosquitto", "postgres", "grafana"]
    """The kind of container that runs it where containers are used: flead, flink and spark are images of ours, the
    last two with Java and all engines."""
    ready: Check
    needs: tuple[str, ...] = ()
    """Services that must be ready before it is started, and are stopped after it."""
    after: tuple[str, ...] = ()
    """Services that may start first if they are started too, because this one's work would slow them down."""
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    page: str = ""
    """The path that its first port answers 200 to while it is healthy; empty if it does not speak HTTP."""
    megabytes: int
    """Memory that it grows to."""
    stop_seconds: float = 20
    """Seconds that it may take to stop after SIGTERM."""
    ends: bool = False
    """It is ready once its command has succeeded."""


def services(settings: Settings, containers: bool = False) -> dict[str, Service]:
    """All services by name, each after those that it needs. Raises StackError if the platform is not installed.

    With ``containers``, the table includes services whose program this machine lacks, and has no commands that need a
    program or the platform's packages.
    """
    layout = Layout.of(settings)
    brokers = _brokers(settings, layout, containers)
    needs_kafka = (*(broker.name for broker in brokers), "topics")
    listed = [
        _database(settings),
        Service(
            name="schema",
            command=(sys.executable, "-m", "flead.stack.schema"),
            image="flead",
            ready=checks.ended,
            needs=("database",),
            megabytes=0,
            ends=True,
        ),
        *brokers,
        Service(
            name="topics",
            command=(sys.executable, "-m", "flead.bus.topics"),
            image="flead",
            ready=checks.ended,
            needs=tuple(broker.name for broker in brokers),
            megabytes=0,
            ends=True,
        ),
        *_training(settings, layout, needs_kafka, containers),
        Service(
            name="spark-master",
            command=() if containers else spark.master_command(settings, layout),
            image="spark",
            ready=checks.spark_master(settings.spark_ui_port),
            environment={} if containers else spark.environment(settings, layout),
            ports=(Port(settings.spark_ui_port, "spark_ui_port"), Port(settings.spark_port, "spark_port")),
            page="/json/",
            megabytes=160,
        ),
        Service(
            name="spark-worker",
            command=() if containers else spark.worker_command(settings, layout),
            image="spark",
            ready=checks.spark_worker(settings.spark_ui_port),
            needs=("spark-master",),
            environment={} if containers else spark.environment(settings, layout),
            ports=(Port(settings.spark_worker_port, "spark_worker_port"),),
            page="/json/",
            megabytes=160,
        ),
        _own(settings, "aggregator", needs_kafka),
        _own(settings, "collector", (*needs_kafka, "schema")),
        *(
            _own(
                settings,
                name,
                (*needs_kafka, "schema", "spark-worker"),
                image="spark",
                megabytes=megabytes,  # with what the worker runs for it; the analysis once an hour
            )
            for name, megabytes in (("evaluation", 1100), ("analytics", 1280))
        ),
        _own(settings, "producer", needs_kafka, after=("training", "evaluation")),
        Service(
            name="mqtt",
            command=(sys.executable, "-m", "flead.stack.mqtt"),
            image="mosquitto",
            ready=checks.listens(settings.mqtt_port),
            ports=(
                Port(settings.mqtt_port, "mqtt_port"),
                *((Port(settings.mqtt_tls_port, "mqtt_tls_port"),) if settings.mqtt_listen else ()),
            ),
            megabytes=20,
        ),
        _own(settings, "gateway", (*needs_kafka, "mqtt"), megabytes=90),
        _own(settings, "viewer", ("schema",), port="web_port"),
        *_grafana(settings, layout, containers),
    ]
    return {service.name: service for service in listed}


def needed(table: Mapping[str, Service], names: Sequence[str]) -> dict[str, Service]:
    """The services named, and all that they need, in the table's order. One broker needs all: they elect a leader."""
    brokers = [service.name for service in table.values() if service.image == "kafka"]
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(brokers if name in brokers else table[name].needs)
    return {name: service for name, service in table.items() if name in wanted}


def environment(settings: Settings) -> dict[str, str]:
    """The environment that passes these settings on to a process, and marks it as one of the platform's."""
    layout = Layout.of(settings)
    values = {
        PREFIX + name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name in Settings.model_fields
        if (value := getattr(settings, name)) is not None
    }
    return values | {PREFIX + "DATA_DIR": str(layout.root.parent), MARK: str(layout.root)}


def _brokers(settings: Settings, layout: Layout, containers: bool) -> list[Service]:
    jars = places("kafka", layout.cache)
    found = []
    for node in range(1, settings.brokers + 1):
        ports = [Port(settings.kafka_port + node - 1, "kafka_port")]
        if node <= kafka.CONTROLLERS:
            ports.append(Port(settings.controller_port + node - 1, "controller_port"))
        found.append(
            Service(
                name=f"kafka-{node}",
                command=() if containers else kafka.broker_command(layout, jars, node),
                image="kafka",
                ready=checks.broker(ports[0].number, node),
                ports=tuple(ports),
                megabytes=300,
                stop_seconds=30,
            )
        )
    return found


def _training(settings: Settings, layout: Layout, needs_kafka: tuple[str, ...], containers: bool) -> list[Service]:
    """What trains: the training service, with Flink's cluster where that is the engine."""
    if settings.engine == "kafka":
        return [_own(settings, "training", needs_kafka, megabytes=200)]
    return [
        Service(
            name="flink-jobmanager",
            command=() if containers else flink.jobmanager_command(layout),
            image="flink",
            ready=checks.jobmanager(settings.flink_port),
            ports=(Port(settings.flink_port, "flink_port"), Port(settings.jobmanager_port, "jobmanager_port")),
            page="/overview",
            megabytes=330,
        ),
        Service(
            name="flink-taskmanager",
            command=() if containers else flink.taskmanager_command(layout),
            image="flink",
            ready=checks.taskmanager(settings.flink_port),
            environment=flink.worker_environment(),
            megabytes=750,
        ),
        _own(
            settings,
            "training",
            (*needs_kafka, "flink-jobmanager", "flink-taskmanager"),
            image="flink",
            megabytes=350,
            stop_seconds=60,  # it takes a savepoint
        ),
    ]


def _database(settings: Settings) -> Service:
    return Service(
        name="database",
        command=(sys.executable, "-m", "flead.stack.database"),
        image="postgres",
        ready=checks.database(served_store(settings).conninfo),
        ports=(Port(settings.database_port, "database_port"),),
        megabytes=150,
        stop_seconds=40,
    )


def _grafana(settings: Settings, layout: Layout, containers: bool) -> list[Service]:
    program = grafana.program()
    if program is None and not containers:
        return []
    return [
        Service(
            name="grafana",
            command=grafana.command(program) if program and not containers else (),
            image="grafana",
            ready=checks.answers(settings.grafana_port, "/api/health"),
            needs=("schema",),
            environment=grafana.environment(
                settings, grafana.FILES, str(layout.grafana), f"127.0.0.1:{settings.database_port}"
            ),
            ports=(Port(settings.grafana_port, "grafana_port"),),
            page="/api/health",
            megabytes=200,
        )
    ]


def _own(
    settings: Settings,
    name: str,
    needs: tuple[str, ...],
    *,
    port: str = "",
    image: Literal["flead", "flink", "spark"] = "flead",
    megabytes: int = 130,
    stop_seconds: float = 20,
    after: tuple[str, ...] = (),
) -> Service:
    """One of FLEAD's own services: ``flead service NAME``, which reports its health on /healthz."""
    setting = port or f"{name}_port"
    number = getattr(settings, setting)
    return Service(
        name=name,
        command=(sys.executable, "-m", "flead", "service", name),
        image=image,
        ready=checks.healthy(number),
        page="/healthz",
        needs=needs,
        after=after,
        ports=(Port(number, setting),),
        megabytes=megabytes,
        stop_seconds=stop_seconds,
    )
