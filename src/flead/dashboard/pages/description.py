"""The API's own page: every address with its parameters and answers, made from the same description as the JSON."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from flead.dashboard.components.elements import Card, Text, box
from flead.dashboard.components.frame import frame, keep_live
from flead.dashboard.components.table import Table, column, link
from flead.dashboard.site import Site
from flead.storage import queries


def add_description(site: Site, schema: Callable[[], dict[str, Any]]) -> None:
    """Serve the page; ``schema`` gives the OpenAPI description."""

    @ui.page("/api", title="API · FLEAD", response_timeout=10)
    async def description() -> None:
        with frame("API", "/api") as status:
            _page(schema())

        async def refresh() -> int | None:
            return (await site.store.ask(queries.overview)).clock

        await keep_live(status, refresh)


def _page(schema: dict[str, Any]) -> None:
    with box("title-row"):
        Text("h1", "API")
        Text("a", "OpenAPI description").props('href="/api/openapi.json"')
    Text("p", " ".join(str(schema.get("info", {}).get("description", "")).split()).replace("`", ""), "lead")
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in schema.get("paths", {}).items():
        for method, operation in operations.items():
            groups.setdefault((operation.get("tags") or ["more"])[0], []).append((method, path, operation))
    with box("grid"):
        for group, entries in groups.items():
            with Card(group.capitalize(), 12):
                table = Table(group.capitalize(), _COLUMNS, "")
                table.show([_row(*entry) for entry in entries])


_COLUMNS = [
    column("method", "Method", "code"),
    column("path", "Address", "link"),
    column("what", "What it answers", "prose"),
    column("parameters", "Parameters", "prose", narrow=False),
]


def _row(method: str, path: str, operation: dict[str, Any]) -> dict[str, object]:
    parameters = [one for one in operation.get("parameters", []) if one["in"] != "path"]
    plain = method == "get" and "{" not in path and not path.endswith("/stream")
    return {
        "key": f"{method} {path}",
        "method": method.upper(),
        "path": link(path, path if plain else "/api/openapi.json"),
        "what": operation.get("description") or operation.get("summary", ""),
        "parameters": ", ".join(one["name"].replace("-", "_") for one in parameters) or "–",
    }
