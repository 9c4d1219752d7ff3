"""Asks the store on behalf of the pages: never on the event loop, and once however many pages ask the same."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import psycopg
from psycopg import Connection

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")

FRESH_SECONDS = 1.0
"""An answer, or its failure, serves everybody who asks the same within this time."""
DEADLINE_SECONDS = 4.0
"""Then the store counts as silent; the server gives up its own work a second earlier."""
CONNECTIONS = 4

OPTIONS = (
    f"-c statement_timeout={DEADLINE_SECONDS - 1:g}s -c default_transaction_read_only=on"
    r" -c default_transaction_isolation=repeatable\ read"  # what one transaction asks is of one moment
)

WRITE_OPTIONS = f"-c statement_timeout={DEADLINE_SECONDS - 1:g}s"


class StoreError(RuntimeError):
    """The store did not answer; the message says why."""


class StoreClient:
    """A few connections, opened when they are needed and replaced when they broke.

    ``connection`` holds the arguments of ``psycopg.connect``. :meth:`ask` belongs to one event loop.
    """

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._arguments = {
            "connect_timeout": 2,
            "tcp_user_timeout": int(DEADLINE_SECONDS * 1000),
            "application_name": "flead viewer",
            **connection,
            "autocommit": True,
            "options": f"{connection.get('options', '')} {OPTIONS}".strip(),
        }
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="flead-viewer-store")
        self._lock = threading.Lock()
        self._open: set[Connection[Any]] = set()
        self._idle: list[Connection[Any]] = []
        self._closed = False
        self._answers: dict[Hashable, tuple[float, asyncio.Task[Any]]] = {}

    async def ask(
        self,
        question: Callable[Concatenate[Connection[Any], Asked], Answer],
        *arguments: Asked.args,
        **named: Asked.kwargs,
    ) -> Answer:
        """The answer of ``question(connection, ...)``, at most ``FRESH_SECONDS`` old; arguments must be hashable.

        Raises :class:`StoreError` if the store does not answer in time.
        """
        key = (question, arguments, tuple(sorted(named.items())))
        now = time.monotonic()
        known = self._answers.get(key)
        if known is None or (known[1].done() and now - known[0] > FRESH_SECONDS):
            self._forget(now)
            known = now, asyncio.ensure_future(self._fetch(partial(self._answer, question, *arguments, **named)))
            known[1].add_done_callback(_retrieve)
            self._answers[key] = known
        # The others who wait for this answer must not suffer from one who leaves.
        return cast(Answer, await asyncio.shield(known[1]))

    async def change(
        self,
        action: Callable[Concatenate[Connection[Any], Asked], Answer],
        *arguments: Asked.args,
        **named: Asked.kwargs,
    ) -> Answer:
        """What ``action(connection, ...)`` returns, over a connection of its own that may write.

        For what a person does on purpose; the pages' questions cannot change anything. Raises :class:`StoreError`.
        """

        def act() -> Answer:
            with psycopg.connect(**self._arguments | {"options": WRITE_OPTIONS}) as connection:
                return action(connection, *arguments, **named)

        answer: Answer = await self._fetch(act)
        self._answers.clear()  # whoever changed something sees it at once
        return answer

    def close(self) -> None:
        """Close all connections, those in use too: their queries fail."""
        with self._lock:
            self._closed = True
            connections = list(self._open)
        for connection in connections:
            _hang_up(connection)
        self._threads.shutdown(wait=True, cancel_futures=True)
        for connection in connections:
            connection.close()

    def _forget(self, now: float) -> None:
        old = [key for key, (since, task) in self._answers.items() if task.done() and now - since > FRESH_SECONDS]
        for key in old:
            del self._answers[key]

    async def _fetch(self, answer: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, answer)
        except TimeoutError:
            raise StoreError(f"no answer within {DEADLINE_SECONDS:g} s") from None
        except psycopg.Error as error:
            first_line = str(error).strip().partition("\n")[0]
            raise StoreError(first_line or type(error).__name__) from None

    def _answer(self, question: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """In a thread: ask over an idle connection, or over a new one if there is none or it has broken meanwhile."""
        while True:
            connection, used_before = self._take()
            try:
                return question(connection, *arguments, **named)
            except psycopg.OperationalError:
                if not (connection.closed and used_before) or self._closed:
                    raise
            finally:
                self._give_back(connection)

    def _take(self) -> tuple[Connection[Any], bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        connection = psycopg.connect(**self._arguments)
        with self._lock:
            self._open.add(connection)
        return connection, False

    def _give_back(self, connection: Connection[Any]) -> None:
        with self._lock:
            if connection.closed:
                self._open.discard(connection)
            else:
                self._idle.append(connection)


def _hang_up(connection: Connection[Any]) -> None:
    """End the connection under whoever waits on it in another thread, where ``close`` would be a race."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Mark a failure as seen: everybody who asked may have left."""
    if not task.cancelled():
        task.exception()
