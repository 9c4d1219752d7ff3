"""The commands on agents: enroll, list, revoke; and the authority that makes certificates."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from flead import settings
from flead.cli.options import AsJson
from flead.errors import FleadError
from flead.records import to_text

app = typer.Typer(help="The agents that the platform believes.", no_args_is_help=True)
authority_app = typer.Typer(help="An authority of your own, and certificates by it.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The agent's name.")]
Directory = Annotated[Path, typer.Argument(help="Where the authority keeps its key and what it has issued.")]


@app.command()
def enroll(
    name: Name,
    public_key: Annotated[str, typer.Argument(help="Its public key, as flead agent status shows it.")],
    pattern: Annotated[
        str, typer.Option("--devices", help="The devices that it may speak for: a name, or a pattern as pump-*.")
    ] = ("*"),
) -> None:
    """Believe this agent from now on, and nobody else on these devices. With a new key it is taken for a new agent."""
    from flead.trust.enrolment import Grant
    from flead.trust.envelope import NAME_PATTERN
    from flead.trust.keys import is_public_key

    if not re.fullmatch(NAME_PATTERN, name):
        raise FleadError(f"{name!r} is no name of an agent: letters, digits, dot, dash and underscore, up to 64")
    if not is_public_key(public_key):
        raise FleadError(f"{public_key!r} is no public key: flead agent status shows the agent's")
    _ask(lambda now: Grant(name, public_key, pattern, now))
    print(f"asked for: {name} is enrolled as soon as the aggregator has read it")


@app.command()
def revoke(name: Name) -> None:
    """Believe nothing any more that this agent signs. Its devices stay its own until another is enrolled for them."""
    from flead.trust.enrolment import Revocation

    _ask(lambda now: Revocation(name, now))
    print(f"asked for: {name} is revoked as soon as the aggregator has read it")


@app.command("list")
def list_agents(as_json: AsJson = False) -> None:
    """The agents: how they are, how many devices they have, what was refused under their names."""
    from flead.stack.reach import reach_store
    from flead.storage import queries

    with reach_store(settings.load()[0]) as reached, reached.store.read() as connection:
        found = queries.agents(connection)
    if as_json:
        print(json.dumps({"agents": msgspec.to_builtins(found)}))
        return
    table = Table("agent", "state", "devices", "pending", "last word (UTC)", "enrolled", "refused", "public key")
    for row in found:
        spoke = to_text(row.spoke_at) if row.spoke_at else ""
        table.add_row(
            row.name, row.state or "", str(row.devices), str(row.pending), spoke,
            "by command" if row.by_command else "by first use", str(sum(row.refused.values())), row.public_key,
        )  # fmt: skip
    Console().print(table)


@authority_app.command("create")
def create_authority(directory: Directory) -> None:
    """Make an authority: its key and its certificate, which clients and brokers are told to believe."""
    from flead.trust.authority import Authority

    print(f"made {Authority.create(directory).certificate_file}")


@authority_app.command("issue")
def issue(
    directory: Directory,
    name: Annotated[str, typer.Argument(help="Whom it names: an agent, a user, or a server.")],
    host: Annotated[
        list[str] | None, typer.Option(help="A server's name or address; may be given several times.", show_default="")
    ] = None,
) -> None:
    """Issue a certificate: of a server if it has hosts, else of a client. NAME.key.pem holds key and certificate."""
    from flead.trust.authority import Authority

    certificate, key = Authority.open(directory).issue(name, host or [])
    print(f"made {certificate} and {key}")


def _ask(request: Callable[[str], msgspec.Struct]) -> None:
    """Ask the aggregator, at this time."""
    from flead.bus.control import ask, now

    ask(settings.load()[0], request(now()))
