"""The addresses of the platform's pages once it is up."""

from collections.abc import Sequence

from flead.settings import Settings
from flead.stack.services import needed, services

KAFKA_UI_PORT = 8081
PAGES = {
    "viewer": "viewer",
    "streams": "streams",
    "kafka-ui": "Kafka UI",
    "grafana": "Grafana",
    "flink-jobmanager": "Flink",
}
"""Services with web pages, and the titles of these; the viewer's Streams page has a port of its own."""


def access_points(settings: Settings, only: Sequence[str] | None = None, in_containers: bool = False) -> list[str]:
    """A line for every page and for the database; if services are named, of ``only`` these and what they need."""
    table = services(settings, containers=in_containers)
    running = needed(table, only) if only else table
    ports = {name: service.ports[0].number for name, service in running.items() if service.ports}
    if in_containers and not only:
        ports["kafka-ui"] = KAFKA_UI_PORT
    elif not in_containers and "viewer" in ports:
        ports["streams"] = settings.streams_port
    lines = [f"{title + ':':<10}http://127.0.0.1:{ports[name]}" for name, title in PAGES.items() if name in ports]
    return lines + [f"{'database:':<10}127.0.0.1:{ports['database']} (user, database flead)"] * ("database" in ports)
