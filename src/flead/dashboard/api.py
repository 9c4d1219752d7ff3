"""What a program asks: how the store is, and the pages' figures as JSON. Times are milliseconds since 1970, UTC."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, FastAPI, Query, Response
from psycopg import Connection

from flead import __version__
from flead.dashboard.store import Store, StoreError
from flead.storage import queries
from flead.storage.queries import Order
from flead.storage.rows import State


def add_api(application: FastAPI, store: Store) -> None:
    """Serve ``/healthz`` and ``/api``."""
    api = APIRouter()

    @api.get("/healthz")
    async def health() -> Response:
        """200 if the store answers, 503 if not."""
        try:
            await store.ask(_answers)
        except StoreError as error:
            return _json({"status": "unavailable", "version": __version__, "store": str(error)}, 503)
        return _json({"status": "ok", "version": __version__, "store": "ok"})

    @api.get("/api/overview")
    async def overview() -> Response:
        return _json(await store.ask(queries.overview))

    @api.get("/api/devices")
    async def devices(
        search: Annotated[str, Query(max_length=256)] = "",
        broker: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
        state: State | None = None,
        sort: Order = "device_id",
        descending: bool = False,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    ) -> Response:
        return _json(await store.ask(queries.devices, search, broker, state, sort, descending, limit, offset))

    @api.get("/api/devices/{device_id:path}")
    async def device(device_id: str) -> Response:
        found = await store.ask(queries.device, device_id)
        if found is None:
            return _json({"detail": f"there is no device {device_id!r}"}, 404)
        return _json(found)

    @application.exception_handler(StoreError)
    async def unavailable(_: Any, error: StoreError) -> Response:
        return _json({"detail": f"the database does not answer: {error}"}, 503)

    application.include_router(api)


def _answers(connection: Connection[Any]) -> None:
    connection.execute("SELECT 1")


def _json(content: Any, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(content), status, media_type="application/json", headers={"cache-control": "no-store"}
    )
