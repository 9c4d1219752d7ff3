"""The embedded pipeline's store: the server of a data directory, migrated, with connections to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from flead.errors import FleadError
from flead.settings.store import StoreSettings
from flead.storage.migrations.migrate import migrate
from flead.storage.server.embedded_postgres import NAME, EmbeddedPostgres

READ_OPTIONS = "-c default_transaction_read_only=on -c statement_timeout=30s -c timezone=UTC"


@dataclass(frozen=True, slots=True)
class Store:
    """A database to write to and to read from."""

    conninfo: dict[str, Any]
    """The keyword arguments of ``psycopg.connect``."""

    def migrate(self) -> None:
        """Bring the schema up to date; raises MigrationError and psycopg's errors."""
        with self.connect() as connection:
            migrate(connection)

    def connect(self) -> psycopg.Connection[Any]:
        """A connection that may write."""
        return psycopg.connect(**self.conninfo, autocommit=True, application_name="flead")

    def read(self) -> psycopg.Connection[Any]:
        """A connection that changes nothing, and on which a query of more than half a minute fails."""
        options = {"options": READ_OPTIONS, "autocommit": True, "application_name": "flead reader"}
        return psycopg.connect(**self.conninfo | options)


@contextmanager
def open_store(settings: StoreSettings) -> Iterator[Store]:
    """Start the server in ``settings.data_dir``, bring its schema up to date, and stop it in the end.

    Raises PostgresError and MigrationError, both with what to do.
    """
    password = settings.database_password.get_secret_value()
    with EmbeddedPostgres(settings.data_dir, settings.database_port, password) as server:
        store = Store(server.connection())
        store.migrate()
        yield store


def served_store(settings: StoreSettings) -> Store:
    """The platform's store, whose server is a separate service: it may be down, or have an old schema."""
    password = settings.database_password.get_secret_value()
    place: dict[str, Any] = {
        "host": settings.database_host,
        "port": settings.database_port,
        "dbname": NAME,
        "user": NAME,
        "password": password,
    }
    return Store(place | {"connect_timeout": 5})


def ask(settings: StoreSettings, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The column names and rows of one read-only statement; FleadError where it cannot be carried out."""
    with open_store(settings) as store, store.read() as connection:
        try:
            cursor = connection.execute(query.encode())
            return [column.name for column in cursor.description or []], cursor.fetchall()
        except psycopg.Error as error:
            raise FleadError(f"the query failed: {str(error).strip().splitlines()[0]}") from None
