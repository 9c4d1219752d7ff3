"""Kafka's present state, where there is a Kafka."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from msgspec import Struct

from flead.dashboard.api.answers import NotThereError, answers, send
from flead.dashboard.site import Site
from flead.dashboard.streams import Streams

NO_KAFKA = "there is no Kafka here: flead run needs only one process; flead up starts the platform with Kafka"


class Looked(Struct):
    """Brokers, topics and consumers, as ``flead.bus.cluster`` describes them."""

    brokers: list[dict[str, Any]]
    topics: list[dict[str, Any]]
    lags: list[dict[str, Any]]


class Messages(Struct):
    """Messages, newest first."""

    rows: list[dict[str, Any]]


def routes(site: Site) -> APIRouter:
    """``/api/streams``."""
    api = APIRouter(prefix="/api/streams", tags=["streams"])

    def streams() -> Streams:
        if site.streams is None:
            raise NotThereError(NO_KAFKA)
        return site.streams

    @api.get("", responses=answers(Looked, 404))
    async def look() -> Response:
        """Topics, partitions, leaders, in-sync replicas, offsets, and the consumers' lag."""
        return send(await streams().look())

    @api.get("/{topic}/{partition}/messages", responses=answers(Messages, 404, 422))
    async def messages(
        topic: Annotated[str, Path(pattern=r"^[a-zA-Z0-9._-]{1,249}$")],
        partition: Annotated[int, Path(ge=0, le=2**31 - 1)],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Response:
        """The newest messages of a partition."""
        return send({"rows": await streams().messages(topic, partition, limit)})

    return api
