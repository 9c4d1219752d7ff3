"""The commands on global models: list, show, diff, rollback."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from flead import settings
from flead.cli.options import AsJson
from flead.errors import FleadError
from flead.records import Parameters, to_text

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(help="The global models.", no_args_is_help=True)

Version = Annotated[int, typer.Argument(help="Version of a global model.", min=1)]

PATIENCE_SECONDS = 30.0
"""A pipeline commits once a second; the aggregator and the collector together take a few seconds."""


@app.command("list")
def list_models(
    limit: Annotated[int, typer.Option(help="Show this many of the newest models.", min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest global models with their measured quality."""
    from flead.stack.reach import reach_store
    from flead.storage import queries

    with reach_store(settings.load()[0]) as reached, reached.store.read() as connection:
        found = queries.versions(connection, limit)
    if as_json:
        print(json.dumps({"models": msgspec.to_builtins(found)}))
        return
    table = Table("version", "devices", "strategy", "reported", "measured", "majority", "F1", "created at (UTC)", "")
    for row in found:
        measured = [_percent(row.measured_accuracy), _percent(row.majority_accuracy), _figure(row.f1)]
        from_old = f"from v{row.restored_version}" if row.restored_version else ""
        private = "" if row.epsilon is None else f", ε {row.epsilon:.1f}"
        table.add_row(
            str(row.version), str(row.num_devices), row.strategy + private, _percent(row.accuracy), *measured,
            to_text(row.created_at), from_old,
        )  # fmt: skip
    Console().print(table)


@app.command()
def show(version: Version, as_json: AsJson = False) -> None:
    """Show one global model: its parameters and its measured quality."""
    row, parameters = _model(version)
    found = {**msgspec.to_builtins(row), "parameters": parameters}
    if as_json:
        print(json.dumps(found))
        return
    table = Table("", f"global model {version}", show_header=True)
    for name, value in found.items():
        if name != "parameters":
            shown = to_text(value) if name == "created_at" else "–" if value is None else f"{value}"
            table.add_row(name.replace("_", " "), shown)
    for name, numbers in parameters.items():
        table.add_row(name, ", ".join(f"{number:.6g}" for number in numbers))
    Console().print(table)


@app.command()
def diff(first: Version, second: Version, as_json: AsJson = False) -> None:
    """Compare two global models: every parameter, and by how much it changed."""
    from flead.storage.parameters import differences

    (one, old), (other, new) = _model(first), _model(second)
    found = differences(old, new)
    if as_json:
        moved = [msgspec.to_builtins(difference) for difference in found]
        print(
            json.dumps({"first": msgspec.to_builtins(one), "second": msgspec.to_builtins(other), "parameters": moved})
        )
        return
    table = Table("parameter", f"v{first}", f"v{second}", "change")
    table.add_row("reported accuracy", _percent(one.accuracy), _percent(other.accuracy), "")
    table.add_row("measured accuracy", _percent(one.measured_accuracy), _percent(other.measured_accuracy), "")
    for d in found:
        table.add_row(d.name, *(("–" if value is None else f"{value:.6g}") for value in (d.first, d.second, d.change)))
    Console().print(table)


@app.command()
def rollback(
    version: Version,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish the parameters of an older global model as a new version, which every device then continues from."""
    from flead.stack.reach import reach_store
    from flead.storage import queries

    if not yes and not as_json:
        typer.confirm(f"Publish version {version} again as the newest?", abort=True, err=True)
    with reach_store(settings.load()[0]) as reached, reached.store.connect() as connection:
        newest = queries.versions(connection, 1)
        reached.roll_back(connection, version)
        made = _await_version(connection, version, newest[0].version) if reached.is_live else None
    if as_json:
        print(json.dumps({"rolled_back_to": version, "version": made}))
    elif made is not None:
        print(f"version {made} has the parameters of version {version}")
    else:
        print(f"requested: version {version} will be published again when the pipeline runs (flead run)")


def _await_version(connection: "psycopg.Connection[Any]", version: int, newest: int) -> int:
    from flead.storage import queries

    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for row in queries.versions(connection, 1000):
            if row.version > newest and row.restored_version == version:
                return row.version
        time.sleep(0.25)
    raise FleadError(
        f"version {version} was requested but not published within {PATIENCE_SECONDS:g} s: check flead models list"
        " later, and the log of the pipeline or the aggregator"
    )


def _model(version: int) -> tuple[Any, Parameters]:
    from flead.stack.reach import reach_store
    from flead.storage import queries

    with reach_store(settings.load()[0]) as reached, reached.store.read() as connection:
        rows = queries.versions(connection, version=version)
        parameters = queries.global_parameters(connection, version)
    if not rows or parameters is None:
        raise FleadError(f"there is no global model {version}: flead models list shows which exist")
    return rows[0], parameters.parameters


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _figure(number: float | None) -> str:
    return "–" if number is None else f"{number:.3f}"
