"""`flead look`: what a source is understood as, by its beginning. Nothing is stored."""

from pathlib import Path
from typing import Any

import msgspec

from flead.errors import FleadError
from flead.ingest.csv_folder import look
from flead.ingest.recognise.pins import pins_of
from flead.ingest.recognise.understanding import Account
from flead.ingest.report import warnings_of
from flead.settings import Settings


def look_at(settings: Settings, source: str, seconds: float) -> Account:
    """What is understood of a source. FleadError where there is none."""
    scheme, colon, place = source.partition(":")
    if scheme == "csv" and colon:
        return look(source, Path(place).expanduser(), pins_of(settings))
    path = Path(source).expanduser()
    if path.exists():
        return look(f"csv:{source}", path, pins_of(settings))
    raise FleadError(f"{source!r} is neither a file nor a folder, nor a source such as csv:PATH")


def warnings(account: Account) -> list[str]:
    """What a user should know of before a run."""
    of_forms = [warning for understood in account.understandings for warning in understood.warnings]
    return of_forms + [line.removeprefix("warning: ") for line in warnings_of(account)]


def as_dict(account: Account) -> dict[str, Any]:
    """The JSON of ``flead look --json``."""
    said: dict[str, Any] = msgspec.to_builtins(account)
    return said | {"readings": account.readings, "rejected": account.rejected, "warnings": warnings(account)}
