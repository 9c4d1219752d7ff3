"""Requests to roll back to an older global model, from users to the pipeline, by way of the database."""

from typing import Any

from psycopg import Connection

from flead.errors import FleadError
from flead.records import GlobalModel, to_text
from flead.storage.parameters import unflatten
from flead.storage.queries.common import fetch
from flead.storage.queries.rows import RollbackRow


def request_rollback(connection: Connection[Any], version: int) -> int:
    """Request a rollback to this version; returns the request's id. FleadError if there is no such version."""
    made = connection.execute(
        """
        INSERT INTO rollback_requests (version)
        SELECT global_version FROM federated_models WHERE global_version = %s::bigint RETURNING id
        """,
        (version,),
    ).fetchone()
    if made is None:
        raise FleadError(f"there is no global model {version}: flead models list shows which exist")
    return int(made[0])


def rollback(connection: Connection[Any], request: int) -> RollbackRow | None:
    """A request, and its result."""
    found = fetch(
        connection,
        RollbackRow,
        """
        SELECT id, version, milliseconds(requested_at) AS requested_at, milliseconds(done_at) AS done_at, new_version
        FROM rollback_requests WHERE id = %(id)s::bigint
        """,
        id=request,
    )
    return found[0] if found else None


def asked_for(connection: Connection[Any]) -> list[tuple[int, GlobalModel]]:
    """The ids of the pending requests, each with the model that it asks for, oldest first."""
    rows = connection.execute(
        """
        SELECT r.id, global_version, aggregation_round, accuracy, num_devices, strategy, parameters, layout,
               milliseconds(created_at)
        FROM rollback_requests AS r JOIN federated_models ON global_version = version
        WHERE done_at IS NULL ORDER BY r.id LIMIT 100
        """
    ).fetchall()
    return [
        (number, GlobalModel(version, r, accuracy, n, strategy, unflatten(numbers, layout), to_text(created)))
        for number, version, r, accuracy, n, strategy, numbers, layout, created in rows
    ]
