"""The platform's commands: up, down, status, logs, service."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from flead import optional_parts, settings
from flead.cli.options import AsJson, Data, Devices, Learner, Speed, Strategy
from flead.platform import ONCE, SERVICES
from flead.records import to_text

app = typer.Typer()

SMALL = {"engine": "kafka", "brokers": 1}
SMALL_SERVICES = ("training", "aggregator", "collector", "producer", "viewer")
"""What ``flead up --small`` starts."""


@app.command()
def up(
    services: Annotated[
        list[str] | None, typer.Argument(help="Start only these services, and what they need.", show_default="all")
    ] = None,
    data: Data = None,
    devices: Devices = None,
    speed: Speed = None,
    rate: Annotated[
        float | None, typer.Option(help="Readings a second; the published rate is 524.7.", show_default="by speed")
    ] = None,
    learner: Learner = None,
    strategy: Strategy = None,
    forget_training: Annotated[
        bool,
        typer.Option(
            "--forget-training", help="Let the devices start learning from scratch, as another learner requires."
        ),
    ] = False,
    small: Annotated[
        bool,
        typer.Option(
            "--small", help="Processes of this machine with one broker, without Flink and Spark: for a small machine."
        ),
    ] = False,
    native: Annotated[
        bool, typer.Option("--native", help="Run as processes on this machine even if a container engine is available.")
    ] = False,
) -> None:
    """Start the platform - Kafka, Flink, the database, FLEAD's services - and wait until everything is ready."""
    optional_parts.need("confluent_kafka")
    from flead.stack import containers
    from flead.stack import up as start
    from flead.stack.access import access_points
    from flead.stack.learnt import agree

    given = {"data": data, "devices": devices, "speed": speed, "rate": rate, "learner": learner, "strategy": strategy}
    chosen, _ = settings.load(given | (SMALL if small else {}))
    services = services or (list(SMALL_SERVICES) if small else None)
    native = native or small
    agree(chosen, forget_training)
    in_containers = not native and containers.answer()
    if not native and containers.need_a_checkout():
        print("containers need a checkout (deploy/compose.yaml): starting processes of this machine instead")
    begin = containers.up if in_containers else start
    started = begin(chosen, services, tell=lambda line: print(line, flush=True))
    print("the platform is up" if started else "the platform is already up")
    for line in access_points(chosen, services, in_containers):
        print(line)


@app.command()
def down() -> None:
    """Stop the platform. Its data stays, and the next start continues from there."""
    from flead.stack import containers
    from flead.stack import down as stop

    chosen, _ = settings.load()
    stopped = [containers.down(tell=print), stop(chosen, tell=print)]
    print("the platform is down" if any(stopped) else "the platform was already down")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the state of every service of the platform."""
    from flead.stack import status as ask

    chosen, _ = settings.load()
    found: list[dict[str, Any]] = [
        {
            "name": one.name,
            "state": one.state,
            "port": one.ports[0] if one.ports else None,
            "since": to_text(round(one.since * 1000)) if one.since else None,
            "pid": one.pid or None,
            "restarts": one.restarts,
            "detail": one.detail,
        }
        for one in ask(chosen)
    ]
    if as_json:
        print(json.dumps({"services": found}))
        return
    shown = ("name", "state", "port", "since", "restarts", "detail")
    table = Table(*shown)
    for one in found:
        table.add_row(*("" if one[column] is None else str(one[column]) for column in shown))
    Console().print(table)


@app.command()
def logs(
    service: Annotated[
        str, typer.Argument(help="The service; the supervisor's log says what happened to the others.")
    ] = ("supervisor"),
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="Number of lines to show, counted from the end.")
    ] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new lines until Ctrl-C.")] = False,
) -> None:
    """Show the log of a service of the platform."""
    from flead.stack import logs as read

    chosen, _ = settings.load()
    for line in read(chosen, service, lines, follow):
        print(line, flush=follow)


@app.command("service")
def one_service(
    name: Annotated[
        str,
        typer.Argument(help=f"{', '.join(SERVICES)}."),
    ],
    once: Annotated[bool, typer.Option("--once", help=f"{', '.join(ONCE)}: process what is new, then exit.")] = False,
) -> None:
    """Run one service of the platform in the foreground, until Ctrl-C or SIGTERM."""
    optional_parts.need("confluent_kafka")
    from flead.stack.foreground import run

    chosen, _ = settings.load()
    run(name, chosen, once)
