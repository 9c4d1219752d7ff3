"""The store behind the pages: each question once, never for long, and back by itself."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from flead.dashboard import store_client as store_module
from flead.dashboard.store_client import CONNECTIONS, StoreClient, StoreError
from tests.conftest import Database

pytestmark = pytest.mark.real


def process_id(connection: psycopg.Connection[Any]) -> int:
    return connection.info.backend_pid


def doze(connection: psycopg.Connection[Any], seconds: float) -> None:
    connection.execute("SELECT pg_sleep(%s)", (seconds,))


def insert(connection: psycopg.Connection[Any]) -> None:
    connection.execute("INSERT INTO rejected_per_reason VALUES ('x', 1)")


@asynccontextmanager
async def opened(conninfo: dict[str, Any]) -> AsyncIterator[StoreClient]:
    store = StoreClient(conninfo)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


def run(work: Callable[[StoreClient], Awaitable[None]], conninfo: dict[str, Any]) -> None:
    async def main() -> None:
        async with opened(conninfo) as store:
            await work(store)

    asyncio.run(main())


def test_many_pages_ask_once(database: Database) -> None:
    asked: list[int] = []

    def question(connection: psycopg.Connection[Any], number: int) -> int:
        asked.append(number)
        return number

    async def work(store: StoreClient) -> None:
        answers = await asyncio.gather(*(store.ask(question, number % 2) for number in range(100)))
        assert answers == [0, 1] * 50
        assert sorted(asked) == [0, 1]

    run(work, database.conninfo)


def test_answers_grow_old(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FRESH_SECONDS", 0.0)
    asked: list[int] = []

    def question(connection: psycopg.Connection[Any], number: int) -> None:
        asked.append(number)

    async def work(store: StoreClient) -> None:
        for number in range(20):
            await store.ask(question, number)
        assert len(asked) == 20
        assert len(store._answers) == 1, "old answers are kept"

    run(work, database.conninfo)


def test_one_who_leaves_takes_no_answer_from_the_others(database: Database) -> None:
    async def work(store: StoreClient) -> None:
        leaving = asyncio.ensure_future(store.ask(doze, 0.3))
        staying = asyncio.ensure_future(store.ask(doze, 0.3))
        await asyncio.sleep(0)
        leaving.cancel()
        await staying

    run(work, database.conninfo)


def test_the_event_loop_goes_on_meanwhile(database: Database) -> None:
    async def work(store: StoreClient) -> None:
        slow = asyncio.ensure_future(store.ask(doze, 0.5))
        turns = 0
        while not slow.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 10

    run(work, database.conninfo)


def test_nobody_waits_longer_than_the_deadline(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "DEADLINE_SECONDS", 0.3)

    async def work(store: StoreClient) -> None:
        began = time.monotonic()
        with pytest.raises(StoreError, match=r"no answer within 0\.3 s"):
            await store.ask(doze, 2.5)
        assert time.monotonic() - began < 1

    run(work, database.conninfo)


def test_the_server_gives_up_too(database: Database) -> None:
    async def work(store: StoreClient) -> None:
        with pytest.raises(StoreError, match="statement timeout"):
            await store.ask(doze, 30)

    run(work, database.conninfo)


def test_broken_connections_are_replaced_unnoticed(database: Database) -> None:
    async def work(store: StoreClient) -> None:
        await asyncio.gather(*(store.ask(doze, 0.1 + number / 1000) for number in range(CONNECTIONS)))
        with database.connect() as other:
            other.execute("""
                SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                WHERE application_name = 'flead viewer' AND datname = current_database()""")
        for number in range(CONNECTIONS):
            await store.ask(doze, number / 1000)

    run(work, database.conninfo)


def test_connections_are_used_again(database: Database) -> None:
    async def work(store: StoreClient) -> None:
        first = await store.ask(process_id)
        store._answers.clear()
        assert await store.ask(process_id) == first

    run(work, database.conninfo)


def test_nothing_can_be_written(database: Database) -> None:
    async def work(store: StoreClient) -> None:
        with pytest.raises(StoreError, match="read-only"):
            await store.ask(insert)

    run(work, database.conninfo)


def test_absent_store_says_so() -> None:
    async def work(store: StoreClient) -> None:
        with pytest.raises(StoreError, match="refused"):
            await store.ask(process_id)

    run(work, {"host": "127.0.0.1", "port": 1, "dbname": "none", "user": "none"})


def test_closing_ends_what_runs(database: Database) -> None:
    async def main() -> None:
        store = StoreClient(database.conninfo)
        slow = asyncio.ensure_future(store.ask(doze, 2.5))
        while not store._open:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        await asyncio.to_thread(store.close)
        assert time.monotonic() - began < 1
        with pytest.raises(StoreError):
            await slow

    asyncio.run(main())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("flead-viewer-store")]
