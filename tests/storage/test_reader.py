"""The dashboards' role reads everything and changes nothing."""

from typing import Any

import psycopg
import pytest

from flead.storage.queries.reader import READER, let_reader_in
from tests.conftest import Database

pytestmark = pytest.mark.real

PASSWORD = "it's \\ secret"


@pytest.fixture
def reader(database: Database, connection: psycopg.Connection[Any]) -> Any:
    let_reader_in(connection, PASSWORD)
    with psycopg.connect(**database.conninfo | {"user": READER, "password": PASSWORD}, autocommit=True) as reader:
        yield reader


def test_it_reads_every_table_and_view_and_those_of_later_migrations(
    reader: psycopg.Connection[Any], connection: psycopg.Connection[Any]
) -> None:
    connection.execute("CREATE TABLE later (i int)")
    names = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
    ).fetchall()
    assert len(names) > 15
    for (name,) in names:
        reader.execute(f"SELECT * FROM {name} LIMIT 1".encode())


@pytest.mark.parametrize("statement", ["DELETE FROM local_models", "CREATE TABLE mine (i int)", "TRUNCATE devices"])
def test_it_changes_nothing_even_if_it_lifts_its_own_limits(reader: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute(statement.encode())
    reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(statement.encode())


def test_its_questions_have_an_end(reader: psycopg.Connection[Any]) -> None:
    assert reader.execute("SHOW statement_timeout").fetchone() == ("10s",)


def test_again_it_takes_the_new_password(database: Database, connection: psycopg.Connection[Any]) -> None:
    let_reader_in(connection, PASSWORD)
    let_reader_in(connection, "another")
    address = database.conninfo | {"user": READER}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**address | {"password": PASSWORD})
    psycopg.connect(**address | {"password": "another"}).close()
