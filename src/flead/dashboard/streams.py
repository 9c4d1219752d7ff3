"""Asks Kafka on behalf of the pages: in a thread of its own, for a few seconds at most, and once for everybody."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from flead.errors import FleadError

if TYPE_CHECKING:
    from flead.bus.cluster import Cluster, Glimpse

Answer = TypeVar("Answer")

FRESH_SECONDS = 2.0
DEADLINE_SECONDS = 8.0


class StreamsError(FleadError):
    """Kafka did not answer; the message says why."""


class Streams:
    """Kafka, reached with these options of a client. Belongs to one event loop."""

    def __init__(self, options: dict[str, str]) -> None:
        self.options = options
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="flead-viewer-kafka")
        self._looked: tuple[float, asyncio.Task[Cluster]] | None = None

    async def look(self) -> "Cluster":
        """Topics, partitions, leaders, offsets, consumers; at most ``FRESH_SECONDS`` old. Raises StreamsError."""
        now = time.monotonic()
        if self._looked is None or (self._looked[1].done() and now - self._looked[0] > FRESH_SECONDS):
            from flead.bus.cluster import look

            self._looked = now, asyncio.ensure_future(self._ask(look, self.options))
            self._looked[1].add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._looked[1])

    async def messages(self, topic: str, partition: int, limit: int) -> "list[Glimpse]":
        """The newest messages of a partition, newest first. Raises StreamsError."""
        from flead.bus.cluster import newest_messages

        return await self._ask(newest_messages, self.options, topic, partition, limit)

    async def _ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, question, *arguments)
        except TimeoutError:
            raise StreamsError(f"no answer from Kafka within {DEADLINE_SECONDS:g} s") from None
        except FleadError as error:
            raise StreamsError(str(error)) from None

    def close(self) -> None:
        """Let go of the threads; a question that is under way ends by its own deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)
