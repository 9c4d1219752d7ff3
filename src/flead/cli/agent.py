"""The agent's commands: agent, agent status, agent key."""

import json
from typing import Annotated

import typer

from flead import optional_parts, settings
from flead.cli.options import AsJson, Learner

app = typer.Typer(invoke_without_command=True)


@app.callback(invoke_without_command=True)
def agent(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Option(help="mqtt://HOST/TOPICS, csv:DIR, skab:DIR, or - for lines on standard input.")
    ] = None,
    uplink: Annotated[str | None, typer.Option(help="mqtt://HOST:PORT or kafka://HOST:PORT.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the agent.", show_default="the host name")] = None,
    learner: Learner = None,
    channel: Annotated[str | None, typer.Option(help="The one column to read from recordings.")] = None,
    playback: Annotated[
        str | None,
        typer.Option(
            "--speed", help="Playback speed of recordings: event time per real time, or max.", show_default="60"
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Discard what was learnt; training numbers continue.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn where the readings originate: only local updates and alarms are sent, global models are received."""
    optional_parts.need("cryptography")
    if context.invoked_subcommand is not None:
        return
    from flead.agent.run import run

    flags = {
        "source": source, "uplink": uplink, "agent_name": name, "learner": learner, "channel": channel,
        "playback": playback,
    }  # fmt: skip
    chosen, _ = settings.load(flags)
    figures = run(chosen, fresh=fresh)
    done = {"readings": figures.readings, "updates": figures.updates, "alarms": figures.alarms}
    done |= {"rejected": figures.rejected, "delivered": figures.delivered}
    print(json.dumps(done) if as_json else ", ".join(f"{count:,} {what}" for what, count in done.items()))


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the status of the agent in this directory, running or not: what it did, what is queued, what was refused."""
    from flead.agent.status import as_text
    from flead.agent.status import status as ask

    chosen, _ = settings.load()
    found = ask(chosen)
    print(json.dumps(found) if as_json else as_text(found))


@app.command()
def key() -> None:
    """Print the agent's name and public key (created if missing), as flead agents enroll on the platform needs them."""
    from flead.agent.run import key_of, name_of

    chosen, _ = settings.load()
    print(name_of(chosen), key_of(chosen).public)
