"""The commands. No logic of their own: they read settings, call a part, and print.

Wrong input ends with exit code 2 and one line that says what, where and what to do.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from flead import __version__, cli_agent, cli_agents, cli_models, cli_platform, settings
from flead.errors import FleadError

app = typer.Typer(
    name="flead",
    help="Federated learning for edge anomaly detection: alarms you can trust without shipping raw data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Prepare data.", no_args_is_help=True)
config_app = typer.Typer(help="The settings.", no_args_is_help=True)
app.add_typer(cli_platform.app)
app.add_typer(data_app, name="data")
app.add_typer(config_app, name="config")
app.add_typer(cli_models.app, name="models")
app.add_typer(cli_agent.app, name="agent")
app.add_typer(cli_agents.app, name="agents")
app.add_typer(cli_agents.authority_app, name="authority")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; everything else goes to standard error.")]


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Federated learning for edge anomaly detection."""
    if show:
        print(__version__)
        raise typer.Exit


@app.command()
def run(
    data: Annotated[
        str | None, typer.Option(help="sim, csv:PATH, edge-iiotset:PATH or skab:DIR.", show_default="sim")
    ] = None,
    devices: Annotated[int | None, typer.Option(help="Devices of the simulated fleet.", show_default="2407")] = None,
    readings: Annotated[int | None, typer.Option(help="Stop after this many.", show_default="the source's end")] = None,
    speed: Annotated[
        str | None,
        typer.Option(help="Event time per real time: 1 is live, or max.", show_default="1"),
    ] = None,
    learner: Annotated[str | None, typer.Option(help="What a device runs.", show_default="zscore")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="How updates are merged.", show_default="the learner's own")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same simulated readings.", show_default="0")] = None,
    channel: Annotated[str | None, typer.Option(help="The one column to read.", show_default="all")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget everything stored before.")] = False,
    web: Annotated[bool, typer.Option(help="Serve the viewer.")] = True,
    as_json: AsJson = False,
) -> None:
    """Run the embedded pipeline: readings in; alarms, models, a database and a live page out."""
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
    out: Annotated[Path, typer.Option(help="The file for the scores: .csv or .parquet.")],
    data: Annotated[
        str | None,
        typer.Option(help="csv:PATH, edge-iiotset:PATH, skab:DIR, or sim with --readings.", show_default="sim"),
    ] = None,
    learner: Annotated[str | None, typer.Option(help="What a device runs.", show_default="zscore")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="How updates are merged.", show_default="the learner's own")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Every device by itself: nothing is merged.")] = False,
    readings: Annotated[int | None, typer.Option(help="Stop after this many.", show_default="the source's end")] = None,
    channel: Annotated[str | None, typer.Option(help="The one column to read.", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """Backtest a source: one line a reading with device_id, timestamp, score and anomaly, in each file's order."""
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
    dataset: Annotated[str, typer.Argument(help="skab, or csv: a folder of files with a column label.")],
    path: Annotated[Path, typer.Argument(help="Its folder.")],
    learners: Annotated[
        list[str] | None,
        typer.Option("--learner", help="A learner; may be given several times.", show_default="all"),
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Only devices that are alone, no federation.")] = False,
    training: Annotated[
        int | None, typer.Option(help="First rows, which train unlabelled.", show_default="400")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="The document whose tables to write anew.")] = None,
    as_json: AsJson = False,
) -> None:
    """The table of learners on labelled recordings: F1, false and missed alarms, events, cold starts."""
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
    path: Annotated[Path, typer.Argument(help="The file as it was published.")],
    out: Annotated[Path, typer.Option(help="The folder for one CSV a device.")],
    devices: Annotated[int | None, typer.Option(help="Devices to split the rows into.", show_default="2407")] = None,
    channel: Annotated[str | None, typer.Option(help="The column to keep.", show_default="tcp.ack")] = None,
    as_json: AsJson = False,
) -> None:
    """Split a published data set into one CSV a device, with a report of every defect found."""
    from flead.ingest.edge_iiotset import prepare as prepare_edge_iiotset

    if dataset != "edge-iiotset":
        raise FleadError(f"no data set {dataset!r} to prepare: there is edge-iiotset")
    chosen, _ = settings.load({"devices": devices, "channel": channel})
    with _progress("reading") as progress:
        report = prepare_edge_iiotset(path, out, chosen.devices, chosen.channel, progress)
    print(json.dumps(report.to_dict()) if as_json else report)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One read-only statement.")],
    as_json: AsJson = False,
) -> None:
    """Ask the embedded database, while no run is using it: flead sql "select count(*) from anomalies"."""
    from flead.storage.store import ask

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
    """Every setting, its value and where it came from."""
    chosen, origins = settings.load()
    values: dict[str, Any] = chosen.model_dump(mode="json")
    if as_json:
        print(json.dumps({name: {"value": values[name], "from": origins[name]} for name in values}))
        return
    table = Table("setting", "value", "from", "meaning")
    for name, field in settings.Settings.model_fields.items():
        value = "" if values[name] is None else str(values[name])
        table.add_row(name, value, origins[name], field.description)
    Console().print(table)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing in a pipe; it is told how much is done and of how much."""
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, visible=bar.console.is_terminal)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def main() -> None:
    """The command line's entry point."""
    try:
        app(standalone_mode=True)
    except FleadError as error:
        print(f"flead: {error}", file=sys.stderr)
        sys.exit(2)
