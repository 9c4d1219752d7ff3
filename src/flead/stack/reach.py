"""Finds the database that these settings speak of, whoever runs it now, for commands that look at it or change it.

The platform's if it is up; else that of a `flead run` under way; else the embedded one, started for the command.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from flead.errors import FleadError
from flead.settings import Settings
from flead.stack.layout import Layout
from flead.stack.locks import holder
from flead.storage.rollbacks import request_rollback
from flead.storage.server.embedded_postgres import EmbeddedPostgres
from flead.storage.server.processes import read_pid_file
from flead.storage.server.store import Store, open_store

PORT_LINE = 3
"""Of the server's PID file."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A store, and how to ask for an older model of it."""

    store: Store
    is_live: bool
    """Whether something runs that does what is asked for at once."""
    roll_back: Callable[[psycopg.Connection[Any], int], object]


@contextmanager
def reach_store(settings: Settings) -> Iterator[Reached]:
    """The store of these settings, as long as the block lasts; FleadError with what to do where there is none."""
    store = running_store(settings)
    if holder(Layout.of(settings).supervisor_lock) is not None:
        if store is None:
            raise FleadError("the platform is up, and its database does not answer: flead status says how it is")
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
            raise FleadError(f"there is no global model {version}: flead models list shows those that there are")
        ask_for_rollback(settings, version)

    return ask


def _password(settings: Settings) -> str:
    return settings.database_password.get_secret_value()
