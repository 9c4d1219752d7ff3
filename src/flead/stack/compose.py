"""The platform in containers: ``deploy/compose.yaml``, from the one table of services.

Our own services run the commands of the table; Kafka, the database and Grafana run in their vendors' images, with the
same configuration as natively except for names and addresses.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from flead.settings import PREFIX, Settings
from flead.stack import grafana, kafka, mqtt
from flead.stack.access import KAFKA_UI_PORT
from flead.stack.jars import WANTED
from flead.stack.services import Service, services

KAFKA_VERSION = WANTED["kafka"][0].rpartition(":")[2]
IMAGES = {
    "kafka": f"apache/kafka:{KAFKA_VERSION}",
    "postgres": "timescale/timescaledb:2.28.3-pg16",
    "mosquitto": "eclipse-mosquitto:2.0.22",
    "grafana": "grafana/grafana:11.6.0",
}
KAFKA_UI = "ghcr.io/kafbat/kafka-ui:v1.5.0"
CLUSTER = "RkxFQUQtZmxlYWQtRkxFQQ"
"""Kafka's identifier of this cluster, in its form: 16 bytes in base64."""

OWN = {"flead": "services", "flink": "engines", "spark": "engines"}
"""The images that are built here: kind of service to target of the Dockerfile."""
PUBLISHED = {"web_port", "flink_port", "spark_port", "spark_ui_port", "spark_worker_port"}
"""Settings of the ports that our own images expose."""
DATA = "/data"
BASE = 20_000
"""Added to a broker's port for containers: 29092 beside 9092."""
NOTE = """\
# Made from src/flead/stack/services.py by `make docs`: change it there. Passwords and settings come from the
# environment or from a file .env beside this one; .env.example shows them.
"""

LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}

Yaml = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Alias:
    """A reference to what is under ``x-NAME`` at the top of the file."""

    name: str


def compose() -> str:
    """The text of ``deploy/compose.yaml``."""
    return NOTE + "\n".join(_lines(model())) + "\n"


def model() -> Yaml:
    """Its content, as mappings and lists."""
    settings = container_settings()
    table = services(settings, containers=True)
    shown = {name: _service(settings, table, service) for name, service in table.items()}
    shown["kafka-ui"] = _kafka_ui(settings, table)
    mounted = [mount.split(":")[0] for one in shown.values() for mount in one.get("volumes", [])]
    named = sorted({volume for volume in mounted if "/" not in volume})
    shared = {"x-settings": own_environment(settings), "x-logging": LOGGING}
    return shared | {"services": shown, "volumes": {volume: {} for volume in named}}


def container_settings() -> Settings:
    """The settings as they are inside the containers."""
    usual = Settings()
    brokers = ",".join(f"kafka-{n}:{BASE + usual.kafka_port + n - 1}" for n in range(1, usual.brokers + 1))
    return Settings(
        data_dir=Path(DATA),
        cache_dir=Path("/opt/flead/cache"),
        kafka=brokers,
        database_host="database",
        flink_host="flink-jobmanager",
        mqtt_host="mqtt",
        spark_host="spark-master",
        web_host="0.0.0.0",
        web_password=SecretStr("password"),
    )


def own_environment(settings: Settings) -> dict[str, str | None]:
    """The environment of our services: hosts and passwords as here, default ports, the rest passed on from the host.

    None passes a variable on if it is set.
    """
    values: dict[str, str | None] = {}
    usual = Settings()
    for name, value in settings:
        variable = PREFIX + name.upper()
        if name.startswith("grafana"):
            continue
        if isinstance(value, SecretStr):
            values[variable] = _secret(variable, value)
        elif value is None or (value == getattr(usual, name) and not name.endswith(("_port", "brokers"))):
            values[variable] = None
        elif value != getattr(usual, name):
            values[variable] = str(value)
    return values


def _secret(variable: str, value: SecretStr | None) -> str | None:
    return f"${{{variable}:-{value.get_secret_value()}}}" if value is not None else None


def _service(settings: Settings, table: dict[str, Service], service: Service) -> Yaml:
    if service.image in OWN:
        shown = _own(settings, service)
    else:
        shown = {"image": IMAGES[service.image]} | _THEIRS[service.image](settings, service)
    needs = {name: {"condition": _condition(table[name])} for name in service.needs}
    shown |= {"depends_on": needs} if needs else {}
    shown |= {"restart": "on-failure" if service.ends else "unless-stopped", "init": True}
    return shown | {"stop_grace_period": f"{service.stop_seconds:.0f}s", "logging": Alias("logging")}


def _condition(service: Service) -> str:
    if service.ends:
        return "service_completed_successfully"
    return "service_healthy" if service.image not in OWN or _is_asked(service) else "service_started"


def _is_asked(service: Service) -> bool:
    return bool(service.page) or service.name == "flink-taskmanager"


def _own(settings: Settings, service: Service) -> Yaml:
    """A service of ours or one that runs from our image: the command of the table, or ``inside``, which becomes it."""
    inside = ["python", "-m", "flead.stack.inside", service.name]
    shown: Yaml = {
        "image": f"flead-{OWN[service.image]}",
        "build": {"context": "..", "dockerfile": "deploy/Dockerfile", "target": OWN[service.image]},
        "command": inside if service.image != "flead" else ["python", *service.command[1:]],
        "environment": Alias("settings"),
    }
    published = [port.number for port in service.ports if port.setting in PUBLISHED]
    if published:
        shown["ports"] = [_published(port) for port in published]
    if service.image == "flink":
        shown["volumes"] = [f"{name}:{DATA}/platform/flink/{name}" for name in ("checkpoints", "savepoints")]
    elif service.image == "spark":
        if service.page == "/healthz":  # master and worker keep nothing
            shown["volumes"] = [f"{service.name}:{DATA}/platform/spark/checkpoints"]
    elif not service.ends:
        shown["volumes"] = [f"{service.name}:{DATA}"]
    if _is_asked(service):
        shown["healthcheck"] = _healthcheck(_asks(settings, service))
    return shown


def _asks(settings: Settings, service: Service) -> list[str]:
    """A command that succeeds inside the container while the service is healthy."""
    if service.name == "flink-taskmanager":  # only the JobManager talks to it, and then lists it
        url, wanted = f"http://{settings.flink_host}:{settings.flink_port}/taskmanagers", '"id"'
    else:
        url, wanted = f"http://127.0.0.1:{service.ports[0].number}{service.page}", ""
    question = f"import urllib.request as r; assert {wanted!r} in r.urlopen({url!r}, timeout=3).read().decode()"
    return ["CMD", "python", "-c", question]


def _broker(settings: Settings, service: Service) -> Yaml:
    """The native properties, with listeners for containers and for this machine."""
    node = int(service.name.rpartition("-")[2])
    outside = settings.kafka_port + node - 1
    inside = BASE + outside
    native = kafka.properties(settings, node, Path("/var/lib/kafka"))
    voters = native["controller.quorum.voters"].split(",")
    controllers = {voter.split("@")[0]: voter.rpartition(":")[2] for voter in voters}
    listeners = {"CONTAINERS": inside, "HOST": outside}
    if str(node) in controllers:
        listeners["CONTROLLER"] = int(controllers[str(node)])
    properties = native | {
        "controller.quorum.voters": ",".join(f"{n}@kafka-{n}:{port}" for n, port in controllers.items()),
        "inter.broker.listener.name": "CONTAINERS",
        "listener.security.protocol.map": ",".join(f"{n}:PLAINTEXT" for n in ("CONTAINERS", "HOST", "CONTROLLER")),
        "listeners": ",".join(f"{name}://:{port}" for name, port in listeners.items()),
        "advertised.listeners": f"CONTAINERS://{service.name}:{inside},HOST://127.0.0.1:{outside}",
    }
    environment = {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in properties.items()}
    return {
        "environment": environment | {"CLUSTER_ID": CLUSTER, "KAFKA_HEAP_OPTS": " ".join(kafka.MEMORY)},
        "ports": [_published(outside)],
        "volumes": [f"{service.name}:/var/lib/kafka/data"],
        "healthcheck": _healthcheck(["CMD", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{inside}"]),
    }


def _database(settings: Settings, service: Service) -> Yaml:
    return {
        "environment": {
            "POSTGRES_USER": "flead",
            "POSTGRES_DB": "flead",
            "POSTGRES_PASSWORD": _secret("FLEAD_DATABASE_PASSWORD", settings.database_password),
            "TIMESCALEDB_TELEMETRY": "off",
        },
        "ports": [_published(port.number) for port in service.ports],
        "volumes": [f"{service.name}:/var/lib/postgresql/data"],
        # While it initialises its data directory it listens on a Unix socket only.
        "healthcheck": _healthcheck(["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "flead", "-d", "flead"]),
    }


def _mosquitto(settings: Settings, service: Service) -> Yaml:
    lines = mqtt.configuration("0.0.0.0", service.ports[0].number, Path("/mosquitto/data"))
    write = "printf '%s\\n' " + " ".join(f"'{line}'" for line in lines) + " > /tmp/mosquitto.conf"
    return {
        "command": ["sh", "-c", f"{write} && exec mosquitto -c /tmp/mosquitto.conf"],
        "ports": [_published(port.number) for port in service.ports],
        "volumes": [f"{service.name}:/mosquitto/data"],
        "healthcheck": _healthcheck(["CMD", "nc", "-z", "127.0.0.1", str(service.ports[0].number)]),
    }


def _grafana(settings: Settings, service: Service) -> Yaml:
    files = Path("/etc/flead")
    told = grafana.environment(
        settings, files, "/var/lib/grafana", f"database:{settings.database_port}", host="0.0.0.0"
    )
    secrets = {
        "GF_SECURITY_ADMIN_PASSWORD": _secret("FLEAD_GRAFANA_PASSWORD", settings.grafana_password),
        "FLEAD_READER_PASSWORD": _secret("FLEAD_READER_PASSWORD", settings.reader_password),
    }
    port = service.ports[0].number
    return {
        "environment": told | secrets,
        "ports": [_published(port)],
        "volumes": [f"./grafana:{files}:ro", f"{service.name}:/var/lib/grafana"],
        "healthcheck": _healthcheck(["CMD", "wget", "-q", "-O", "-", f"http://127.0.0.1:{port}{service.page}"]),
    }


def _kafka_ui(settings: Settings, table: dict[str, Service]) -> Yaml:
    """The Kafka UI, on port 8081, where the viewer's Streams page is when run without containers."""
    brokers = [service for service in table.values() if service.image == "kafka"]
    return {
        "image": KAFKA_UI,
        "environment": {
            "SERVER_PORT": str(KAFKA_UI_PORT),
            "KAFKA_CLUSTERS_0_NAME": "flead",
            "KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS": settings.kafka_servers,
            "KAFKA_CLUSTERS_0_READONLY": "true",
        },
        "ports": [_published(KAFKA_UI_PORT)],
        "depends_on": {broker.name: {"condition": _condition(broker)} for broker in brokers},
        "healthcheck": _healthcheck(
            ["CMD", "wget", "-q", "-O", "-", f"http://127.0.0.1:{KAFKA_UI_PORT}/actuator/health"]
        ),
        "restart": "unless-stopped",
        "init": True,
        "stop_grace_period": "10s",
        "logging": Alias("logging"),
    }


def _published(port: int) -> str:
    """The same port on the loopback interface of this machine."""
    return f"127.0.0.1:{port}:{port}"


def _healthcheck(test: list[str]) -> Yaml:
    return {"test": test, "interval": "5s", "timeout": "5s", "retries": 12, "start_period": "90s"}


_THEIRS = {"kafka": _broker, "mosquitto": _mosquitto, "postgres": _database, "grafana": _grafana}


def _lines(value: Yaml, indent: str = "") -> list[str]:
    """Mappings in YAML's block style; everything else in JSON, which is valid YAML and needs no quoting rules."""
    lines = []
    for name, item in value.items():
        if isinstance(item, Alias):
            lines.append(f"{indent}{name}: *{item.name}")
        elif isinstance(item, dict) and item:
            anchor = f" &{name[2:]}" if name.startswith("x-") else ""
            lines += [f"{indent}{name}:{anchor}", *_lines(item, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {json.dumps(item)}")
    return lines
