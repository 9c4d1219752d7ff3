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

app = typer.Typer(help="The agents that the platform trusts.", no_args_is_help=True)
authority_app = typer.Typer(help="Your own certificate authority.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the agent.")]
Directory = Annotated[
    Path, typer.Argument(help="Directory of the authority's key and of the certificates it has issued.")
]


@app.command()
def enroll(
    name: Name,
    public_key: Annotated[str, typer.Argument(help="Its public key, as shown by flead agent key.")],
    pattern: Annotated[
        str, typer.Option("--devices", help="The devices that it may report for: a name, or a pattern such as pump-*.")
    ] = ("*"),
) -> None:
    """Trust this agent, and only this agent, for these devices. With a new key it counts as a new agent."""
    from flead.trust.enrolment import Grant
    from flead.trust.envelope import NAME_PATTERN
    from flead.trust.keys import is_public_key

    if not re.fullmatch(NAME_PATTERN, name):
        raise FleadError(
            f"{name!r} is not a valid agent name: use up to 64 letters, digits, dots, dashes and underscores"
        )
    if not is_public_key(public_key):
        raise FleadError(f"{public_key!r} is not a public key: flead agent key prints the agent's")
    _ask(lambda now: Grant(name, public_key, pattern, now))
    print(f"requested: {name} will be enrolled as soon as the aggregator reads the request")


@app.command()
def revoke(name: Name) -> None:
    """Stop trusting this agent's signatures. Its devices stay its own until another agent is enrolled for them."""
    from flead.trust.enrolment import Revocation

    _ask(lambda now: Revocation(name, now))
    print(f"requested: {name} will be revoked as soon as the aggregator reads the request")


@app.command("list")
def list_agents(as_json: AsJson = False) -> None:
    """List the agents: their state, the number of their devices, and what was refused from them."""
    from flead.stack.reach import reach_store
    from flead.storage import queries

    with reach_store(settings.load()[0]) as reached, reached.store.read() as connection:
        found = queries.agents(connection)
    if as_json:
        print(json.dumps({"agents": msgspec.to_builtins(found)}))
        return
    table = Table("agent", "state", "devices", "pending", "last seen (UTC)", "enrolled", "refused", "public key")
    for row in found:
        spoke = to_text(row.spoke_at) if row.spoke_at else ""
        table.add_row(
            row.name, row.state or "", str(row.devices), str(row.pending), spoke,
            "by command" if row.by_command else "by first use", str(sum(row.refused.values())), row.public_key,
        )  # fmt: skip
    Console().print(table)


@authority_app.command("create")
def create_authority(directory: Directory) -> None:
    """Create a certificate authority: its key, and the certificate that clients and brokers have to trust."""
    from flead.trust.authority import Authority

    print(f"created {Authority.create(directory).certificate_file}")


@authority_app.command("issue")
def issue(
    directory: Directory,
    name: Annotated[str, typer.Argument(help="The name on the certificate: an agent, a user or a server.")],
    host: Annotated[
        list[str] | None,
        typer.Option(help="Host name or address of a server; may be given several times.", show_default=""),
    ] = None,
) -> None:
    """Issue a certificate: for a server if hosts are given, else for a client. NAME.key.pem holds it and its key."""
    from flead.trust.authority import Authority

    certificate, key = Authority.open(directory).issue(name, host or [])
    print(f"created {certificate} and {key}")


def _ask(request: Callable[[str], msgspec.Struct]) -> None:
    """Send a request with the present time to the aggregator."""
    from flead.bus.control import ask, now

    ask(settings.load()[0], request(now()))
