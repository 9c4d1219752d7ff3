"""The commands. They have no logic of their own: each reads the settings, calls a part and prints the result.

Wrong input ends with exit code 2 and one line that says what, where and what to do.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from flead import optional_parts, settings
from flead.cli import agent, agents, archive, doctor, models, platform
from flead.cli.options import AsJson, Channel, Data, Devices, Learner, Readings, Speed, Strategy
from flead.errors import FleadError

app = typer.Typer(
    name="flead",
    help="Federated learning for edge anomaly detection: alarms you can trust without shipping raw data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Prepare data.", no_args_is_help=True)
config_app = typer.Typer(help="Show the settings.", no_args_is_help=True)
app.add_typer(platform.app)
app.add_typer(archive.app)
app.add_typer(doctor.app)
app.add_typer(data_app, name="data")
app.add_typer(config_app, name="config")
app.add_typer(models.app, name="models")
app.add_typer(agent.app, name="agent")
app.add_typer(agents.app, name="agents")
app.add_typer(agents.authority_app, name="authority")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Federated learning for edge anomaly detection."""
    if show:
        from flead import __version__

        print(__version__)
        raise typer.Exit


@app.command()
def run(
    data: Data = None,
    devices: Devices = None,
    readings: Readings = None,
    speed: Speed = None,
    learner: Learner = None,
    strategy: Strategy = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the simulated fleet: same seed, same readings.", show_default="0")
    ] = None,
    channel: Channel = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete everything stored by earlier runs.")] = False,
    web: Annotated[bool, typer.Option(help="Serve the viewer.")] = True,
    as_json: AsJson = False,
) -> None:
    """Run the embedded pipeline: readings go in; alarms, models, a database and live web pages come out."""
    from flead.embedded.run import run as run_pipeline
    from flead.embedded.summary import as_dict, as_text

    chosen, _ = settings.load(
        {
            "data": data, "devices": devices, "readings": readings, "speed": speed, "learner": learner,
            "strategy": strategy, "seed": seed, "channel": channel,
        }
    )  # fmt: skip
    any_read = run_pipeline(
        chosen,
        fresh=fresh,
        web=web,
        on_summary=lambda tally: print(json.dumps(as_dict(tally)) if as_json else as_text(tally), flush=True),
    )
    if not any_read:
        raise typer.Exit(1)


@app.command()
def look(
    source: Annotated[str, typer.Argument(help="A file, a folder, or a source such as mqtt://HOST/TOPICS or -.")],
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to listen to a source that has no end.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show what a source is understood as, why, and which lines of flead.toml change that. Nothing is stored."""
    from flead.ingest.report import in_full
    from flead.look import as_dict, look_at, warnings

    chosen, _ = settings.load()
    account = look_at(chosen, source, seconds)
    if as_json:
        print(json.dumps(as_dict(account)))
    else:
        console = Console()
        for title, rows in in_full(account):
            table = Table(*rows[0], title=title, title_justify="left")
            for row in rows[1:]:
                table.add_row(*map(escape, row))
            console.print(table)
    for line in warnings(account):
        print(f"warning: {line}", file=sys.stderr)
    if not account.readings:
        raise typer.Exit(1)


@app.command()
def score(
    out: Annotated[Path, typer.Option(help="The file to write the scores to: .csv or .parquet.")],
    data: Annotated[
        str | None,
        typer.Option(help="csv:PATH, edge-iiotset:PATH, skab:DIR, or sim with --readings.", show_default="sim"),
    ] = None,
    learner: Learner = None,
    strategy: Strategy = None,
    local: Annotated[bool, typer.Option("--local", help="Train every device on its own, without federation.")] = False,
    readings: Readings = None,
    channel: Channel = None,
    as_json: AsJson = False,
) -> None:
    """Backtest a source: write device_id, timestamp, score and anomaly of every reading, in the order of each file."""
    from flead.embedded.score import score as score_source

    chosen, _ = settings.load(
        {"data": data, "learner": learner, "strategy": strategy, "readings": readings, "channel": channel}
    )
    with _progress("scoring") as progress:
        scored = score_source(chosen, out, local=local, progress=progress)
    for warning in scored.warnings:
        print(warning, file=sys.stderr)
    print(json.dumps(scored.to_dict()) if as_json else scored)
    if not scored.readings:
        raise typer.Exit(1)


@app.command()
def evaluate(
    dataset: Annotated[str, typer.Argument(help="skab, or csv: a folder of files that have a column label.")],
    path: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    learners: Annotated[
        list[str] | None,
        typer.Option("--learner", help="A learner to evaluate; may be given several times.", show_default="all"),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Evaluate devices on their own only, without federation.")
    ] = False,
    training: Annotated[
        int | None, typer.Option(help="Rows at the start that train without labels.", show_default="400")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="A document whose tables to rewrite.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare learners on labelled recordings: F1, false and missed alarms, events, cold starts."""
    from flead.embedded.evaluate import evaluate as evaluate_learners
    from flead.embedded.evaluation_report import as_text, write_tables

    chosen, _ = settings.load({"data": f"{dataset}:{path}", "training_rows": training})
    with _progress("evaluating") as progress:
        result = evaluate_learners(chosen, learners or None, local=local, progress=progress)
    if write is not None:
        write_tables(write, result)
    print(json.dumps(result) if as_json else as_text(result))


@data_app.command()
def prepare(
    dataset: Annotated[str, typer.Argument(help="edge-iiotset")],
    path: Annotated[Path, typer.Argument(help="The published file.")],
    out: Annotated[Path, typer.Option(help="The folder to write one CSV per device to.")],
    devices: Annotated[int | None, typer.Option(help="Devices to split the rows into.", show_default="2407")] = None,
    channel: Annotated[str | None, typer.Option(help="The column to keep.", show_default="tcp.ack")] = None,
    as_json: AsJson = False,
) -> None:
    """Split a published data set into one CSV per device, and report every defect found."""
    from flead.ingest.edge_iiotset import prepare as prepare_edge_iiotset

    if dataset != "edge-iiotset":
        raise FleadError(f"cannot prepare data set {dataset!r}: only edge-iiotset is supported")
    chosen, _ = settings.load({"devices": devices, "channel": channel})
    with _progress("reading") as progress:
        report = prepare_edge_iiotset(path, out, chosen.devices, chosen.channel, progress)
    print(json.dumps(report.to_dict()) if as_json else report)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One read-only SQL statement.")],
    as_json: AsJson = False,
) -> None:
    """Query the embedded database while no run is using it: flead sql "select count(*) from anomalies"."""
    from flead.storage.server.store import ask

    chosen, _ = settings.load()
    names, rows = ask(chosen, query)
    if as_json:
        print(json.dumps({"rows": [dict(zip(names, row, strict=True)) for row in rows]}, default=str))
        return
    table = Table(*names)
    for row in rows:
        table.add_row(*map(str, row))
    Console().print(table)


@config_app.command()
def show(as_json: AsJson = False) -> None:
    """Show every setting by section, with its value and where it came from."""
    chosen, origins = settings.load()
    values: dict[str, Any] = chosen.model_dump(mode="json")
    if as_json:
        print(json.dumps({name: {"value": values[name], "from": origins[name]} for name in values}))
        return
    table = Table("setting", "value", "from", "meaning")
    for heading, section in settings.SECTIONS.items():
        table.add_section()
        table.add_row(f"[bold]{heading}[/bold]")
        for name in settings.fields_of(section):
            value = "" if values[name] is None else str(values[name])
            table.add_row(name, value, origins[name], section.model_fields[name].description)
    Console().print(table)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing in a pipe; call what it yields with how much is done, and of how much."""
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, visible=bar.console.is_terminal)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def main() -> None:
    """The command line's entry point."""
    try:
        app(standalone_mode=True)
    except ModuleNotFoundError as error:
        reason = optional_parts.not_installed(error)
        if reason is None:
            raise
        _fail(reason)
    except FleadError as error:
        _fail(error)


def _fail(error: FleadError) -> NoReturn:
    print(f"flead: {error}", file=sys.stderr)
    sys.exit(2)
