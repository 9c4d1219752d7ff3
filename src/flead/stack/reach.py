"""Finds the database of these settings, whichever process serves it, for commands that inspect or change it.

That is the platform's if it is up; else that of a running `flead run`; else the embedded one, started for the command.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from flead.errors import FleadError
from flead.layout import Layout
from flead.settings import Settings
from flead.stack.locks import holder
from flead.storage.rollbacks import request_rollback
from flead.storage.server.embedded_postgres import EmbeddedPostgres
from flead.storage.server.processes import read_pid_file
from flead.storage.server.store import Store, open_store

PORT_LINE = 3
"""Line of the port in the server's PID file."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A store, and how to request a rollback to an older model."""

    store: Store
    is_live: bool
    """Whether something is running that fulfils the request at once."""
    roll_back: Callable[[psycopg.Connection[Any], int], object]


@contextmanager
def reach_store(settings: Settings) -> Iterator[Reached]:
    """The store of these settings for the duration of the block; FleadError with what to do if there is none."""
    store = running_store(settings)
    if holder(Layout.of(settings).supervisor_lock) is not None:
        if store is None:
            raise FleadError("the platform is up, but its database does not respond: see flead status")
        yield Reached(store, True, _ask_aggregator(settings))
        return
    if store is not None:
        yield Reached(store, True, request_rollback)
        return
    with open_store(settings) as opened:
        yield Reached(opened, False, request_rollback)


def running_store(settings: Settings) -> Store | None:
    """The store of the platform if that is up, else of a ``flead run`` under way; None if it does not answer."""
    layout = Layout.of(settings)
    directory = settings.data_dir if holder(layout.supervisor_lock) is None else layout.database
    server = EmbeddedPostgres(directory, settings.database_port, _password(settings))
    lines = read_pid_file(server.cluster)
    if len(lines) <= PORT_LINE or not lines[PORT_LINE].isdigit():
        return None
    server.port = int(lines[PORT_LINE])
    store = Store(server.connection())
    try:
        store.connect().close()
    except psycopg.OperationalError:
        return None
    return store


def _ask_aggregator(settings: Settings) -> Callable[[psycopg.Connection[Any], int], None]:
    def ask(connection: psycopg.Connection[Any], version: int) -> None:
        from flead.bus.control import ask_for_rollback
        from flead.storage import queries

        if not queries.versions(connection, version=version):
            raise FleadError(f"there is no global model {version}: flead models list shows which exist")
        ask_for_rollback(settings, version)

    return ask


def _password(settings: Settings) -> str:
    return settings.database_password.get_secret_value()
