"""Migrations are applied once, in order, each whole or not at all, by one process at a time."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from flead.storage.migrations.migrate import MigrationError, migrate, packaged
from flead.storage.server.embedded_postgres import EmbeddedPostgres

pytestmark = pytest.mark.real

FIRST = {"001_a.sql": "CREATE TABLE a (i int); INSERT INTO a VALUES (1);"}
SECOND = {"002_b.sql": "INSERT INTO a VALUES (2); -- 100 %s\nCREATE TABLE b (i int);"}


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[dict[str, Any]]:
    """The address of an empty database."""
    name = sql.Identifier("empty")
    with psycopg.connect(**postgres.connection(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield postgres.connection() | {"dbname": "empty"}
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def select(empty: dict[str, Any], query: str) -> list[Any]:
    with psycopg.connect(**empty) as connection:
        return connection.execute(query.encode()).fetchall()


def apply(empty: dict[str, Any], migrations: dict[str, str] | None = None) -> list[str]:
    with psycopg.connect(**empty) as connection:
        return migrate(connection, migrations)


def test_the_packaged_ones_apply_once(empty: dict[str, Any]) -> None:
    assert apply(empty) == sorted(name for name in packaged() if not name.endswith(".timescaledb.sql"))
    assert apply(empty) == []
    assert select(empty, "SELECT count(*) FROM local_models") == [(0,)]


def test_an_autocommit_connection_will_do(empty: dict[str, Any]) -> None:
    with psycopg.connect(**empty, autocommit=True) as connection:
        assert migrate(connection, FIRST) == ["001_a.sql"]
        assert migrate(connection, FIRST) == []


def test_only_what_is_missing_is_applied(empty: dict[str, Any]) -> None:
    assert apply(empty, FIRST) == ["001_a.sql"]
    assert apply(empty, FIRST | SECOND) == ["002_b.sql"]
    assert select(empty, "SELECT i FROM a ORDER BY i") == [(1,), (2,)]


def test_one_that_fails_leaves_nothing_and_keeps_those_before_it(empty: dict[str, Any]) -> None:
    broken = {"002_b.sql": "INSERT INTO a VALUES (2); SELECT nonsense;"}
    with pytest.raises(psycopg.errors.UndefinedColumn):
        apply(empty, FIRST | broken)
    assert select(empty, "SELECT i FROM a") == [(1,)]
    assert select(empty, "SELECT name FROM schema_migrations") == [("001_a.sql",)]
    assert apply(empty, FIRST | SECOND) == ["002_b.sql"]


def test_a_changed_one_is_refused_before_anything_is_applied(empty: dict[str, Any]) -> None:
    apply(empty, FIRST)
    with pytest.raises(MigrationError, match=r"001_a\.sql has changed since it was applied"):
        apply(empty, {"001_a.sql": "CREATE TABLE other (i int)"} | SECOND)
    assert select(empty, "SELECT name FROM schema_migrations") == [("001_a.sql",)]


def test_an_unknown_one_is_refused(empty: dict[str, Any]) -> None:
    apply(empty, FIRST | SECOND)
    with pytest.raises(MigrationError, match=r"002_b\.sql, which this version of flead does not know"):
        apply(empty, FIRST)


def test_two_processes_at_once_apply_each_one_once(empty: dict[str, Any]) -> None:
    slow = {"001_a.sql": "CREATE TABLE a (i int); SELECT pg_sleep(0.3); INSERT INTO a VALUES (1);"}
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(apply(empty, slow | SECOND))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(applied) == [[], [], ["001_a.sql", "002_b.sql"]]
    assert select(empty, "SELECT i FROM a ORDER BY i") == [(1,), (2,)]
