"""What tests of several parts need: a real database, one server for all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from flead.storage.migrations.migrate import migrate
from flead.storage.server.binaries import installed_versions
from flead.storage.server.embedded_postgres import EmbeddedPostgres
from tests.platform_fixtures import kafka, topics

__all__ = ["connection", "database", "kafka", "postgres", "topics"]

TEMPLATE = "migrated"


@dataclass(frozen=True)
class Database:
    """A database of one test, migrated and empty."""

    conninfo: dict[str, Any]

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(**self.conninfo, autocommit=True, **options)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server for the whole session, of the oldest version, so that no newer SQL slips in.

    Tests that need a database take the fixture ``database``.
    """
    directory = tmp_path_factory.mktemp("postgres")
    oldest = min(installed_versions())
    with EmbeddedPostgres(directory, port=0, password="secret", durable=False, major=oldest) as server:
        _execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        with psycopg.connect(**server.connection() | {"dbname": TEMPLATE}) as connection:
            migrate(connection)
        yield server


@pytest.fixture
def database(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[Database]:
    name = sql.Identifier(f"test_{abs(hash(request.node.nodeid)):x}")
    _execute(postgres, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(TEMPLATE)))
    yield Database(postgres.connection() | {"dbname": name.as_string()[1:-1]})
    _execute(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as connection:
        yield connection


def _execute(server: EmbeddedPostgres, statement: sql.Composed) -> None:
    with psycopg.connect(**server.connection(), autocommit=True) as connection:
        connection.execute(statement)
