"""What the source of the newest run was understood as."""

from typing import Any

from psycopg import Connection

KEY = "understood"
"""Of the pipeline's state: the account of the source's files, as JSON."""


def understood(connection: Connection[Any]) -> bytes | None:
    """The account of the source's files, as JSON; None where it has none."""
    found = connection.execute("SELECT value FROM pipeline_state WHERE key = %s", (KEY,)).fetchone()
    return None if found is None else bytes(found[0])
