"""What the pages and the API of one viewer share: the store, and ways to do what a person asks for."""

import asyncio
from dataclasses import dataclass

from flead.dashboard.store_client import StoreClient
from flead.dashboard.streams import Streams
from flead.dashboard.webhook import Webhook
from flead.errors import FleadError
from flead.settings import Settings
from flead.storage import queries
from flead.storage.rollbacks import request_rollback


@dataclass(frozen=True, slots=True)
class Site:
    """One viewer's."""

    store: StoreClient
    settings: Settings
    webhook: Webhook | None
    """None: no ``webhook_url`` is set."""
    streams: Streams | None
    """None: there is no Kafka, everything is one process."""

    async def roll_back(self, version: int) -> None:
        """Ask whoever merges the models to publish this version again; FleadError if there is no such version."""
        if self.streams is None:
            await self.store.change(request_rollback, version)
            return
        if not await self.store.ask(queries.versions, version=version):
            raise FleadError(f"there is no global model {version}")
        from flead.bus.control import ask_for_rollback

        await asyncio.to_thread(ask_for_rollback, self.settings, version)
