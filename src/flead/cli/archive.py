"""The commands on the whole store: export, import."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flead import settings
from flead.cli.options import AsJson

app = typer.Typer()


@app.command("export")
def export_store(
    directory: Annotated[Path, typer.Argument(help="A new directory, for one Parquet file a table.")],
    as_json: AsJson = False,
) -> None:
    """Write every table of the store as Parquet, as they were at one moment; a run may go on meanwhile."""
    from flead.stack.reach import reach_store
    from flead.storage.archive import export

    with reach_store(settings.load()[0]) as reached, reached.store.read() as connection:
        rows = export(connection, directory)
    print(json.dumps({"rows": rows}) if as_json else f"{sum(rows.values()):,} rows of {len(rows)} tables: {directory}")


@app.command("import")
def import_store(
    directory: Annotated[Path, typer.Argument(help="What flead export has written.")],
    as_json: AsJson = False,
) -> None:
    """Read what flead export has written into an empty store: all of it, or, if anything fails, nothing."""
    from flead.stack.reach import reach_store
    from flead.storage.archive_import import restore

    with reach_store(settings.load()[0]) as reached, reached.store.connect() as connection:
        rows = restore(connection, directory)
    print(json.dumps({"rows": rows}) if as_json else f"{sum(rows.values()):,} rows of {len(rows)} tables")
