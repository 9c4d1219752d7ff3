"""Options that several commands have."""

from collections.abc import Iterable
from typing import Annotated

import typer

from flead.learning import catalogue
from flead.settings import Settings


def either(names: Iterable[str]) -> str:
    """The names as a choice.

    >>> either(["zscore", "drift", "tail"])
    'zscore, drift or tail'
    """
    *most, last = names
    return f"{', '.join(most)} or {last}"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; everything else goes to standard error.")]
Data = Annotated[str | None, typer.Option(help=Settings.model_fields["data"].description, show_default="sim")]
Devices = Annotated[int | None, typer.Option(help="Devices of the simulated fleet.", show_default="2407")]
Speed = Annotated[str | None, typer.Option(help="Event time per real time: 1 is live, or max.", show_default="1")]
Learner = Annotated[
    str | None, typer.Option(help=f"What a device runs: {either(catalogue.LEARNERS)}.", show_default="zscore")
]
Strategy = Annotated[
    str | None,
    typer.Option(help=f"How updates are merged: {either(catalogue.STRATEGIES)}.", show_default="the learner's own"),
]
Readings = Annotated[int | None, typer.Option(help="Stop after this many readings.", show_default="the source's end")]
Channel = Annotated[str | None, typer.Option(help="The one column to read.", show_default="all")]
