"""The command that looks at the machine: doctor."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from flead import settings
from flead.cli.options import AsJson

app = typer.Typer()


@app.command("doctor")
def examine_machine(
    short: Annotated[bool, typer.Option("--short", help="Only what is not ok.")] = False,
    as_json: AsJson = False,
) -> None:
    """What stands in the way on this machine, and what to do. Exit code 1 if flead run cannot work."""
    from flead.doctor import examine

    chosen, _ = settings.load()
    found = examine(chosen)
    works = all(finding.state != "problem" for finding in found.values())
    if as_json:
        print(json.dumps({"ok": works, "checks": {name: asdict(finding) for name, finding in found.items()}}))
    else:
        for name, finding in found.items():
            if not (short and finding.state == "ok"):
                advice = f": {finding.advice}" if finding.advice else ""
                print(f"{finding.state:8}{name}: {finding.detail}{advice}")
    if not works:
        raise typer.Exit(1)
