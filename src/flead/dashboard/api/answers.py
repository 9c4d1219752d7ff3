"""How the API answers: Structs as JSON, mistakes as a sentence, and the description of both."""

from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi

from flead import __version__
from flead.dashboard.store_client import StoreError
from flead.dashboard.streams import StreamsError
from flead.errors import FleadError

DESCRIPTION = """
What the viewer shows, for programs. Times are milliseconds since 1970-01-01, UTC. A measure with nothing to divide by
is null. Where a password is set, send it as `Authorization: Bearer PASSWORD`. A webhook's message is signed: the header
`X-FLEAD-Signature` is `sha256=` and the HMAC-SHA-256, in hex, of `X-FLEAD-Timestamp`, a dot and the body.
"""

Limit = Annotated[int, Query(ge=1, le=1000, description="Return at most this many.")]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="Skip this many.")]
Moment = Annotated[int | None, Query(ge=-(2**53), le=2**53, description="Milliseconds since 1970, UTC.")]
Broker = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="Only records of this broker.")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]

_described: dict[str, Any] = {}


class Problem(msgspec.Struct):
    """What was wrong, in a sentence."""

    detail: str


class NotThereError(FleadError):
    """The requested object does not exist."""


def rows(kind: type, name: str) -> type:
    """The Struct of a list of these."""
    return msgspec.defstruct(name, [("rows", list[kind])])  # type: ignore[valid-type]


def answers(kind: type, *problems: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that answers with this Struct, or with one of these statuses."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    _described.update(components)
    found: dict[int | str, dict[str, Any]] = {
        200: {"description": "Success.", "content": {"application/json": {"schema": schema}}}
    }
    (problem,), components = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
    _described.update(components)
    texts = {404: "Not found.", 422: "The request is invalid.", 503: "The request cannot be answered at present."}
    for status in (*problems, 503):
        found[status] = {"description": texts[status], "content": {"application/json": {"schema": problem}}}
    return found


def send(content: Any, status: int = 200, **headers: str) -> Response:
    """``content`` as JSON."""
    return Response(msgspec.json.encode(content), status, {"cache-control": "no-store", **headers}, "application/json")


def handle_errors(application: FastAPI) -> None:
    """Answer with a status and a sentence."""

    @application.exception_handler(StoreError)
    async def silent(_: Any, error: StoreError) -> Response:
        return send({"detail": f"the database does not respond: {error}"}, 503)

    @application.exception_handler(StreamsError)
    async def no_kafka(_: Any, error: StreamsError) -> Response:
        return send({"detail": str(error)}, 503)

    @application.exception_handler(FleadError)
    async def refused(_: Any, error: FleadError) -> Response:
        return send({"detail": str(error)}, 404)

    @application.exception_handler(RequestValidationError)
    async def senseless(_: Any, error: RequestValidationError) -> Response:
        parts = [f"{'.'.join(map(str, one['loc'][1:])) or 'request'}: {one['msg']}" for one in error.errors()]
        return send({"detail": "; ".join(parts)}, 422)


def describe(application: FastAPI) -> None:
    """Serve ``/api/openapi.json``."""

    def schema() -> dict[str, Any]:
        if application.openapi_schema is None:
            found = get_openapi(
                title="FLEAD", version=__version__, description=DESCRIPTION.strip(), routes=application.routes
            )
            schemas = found.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(_described)
            for path in found["paths"].values():
                for operation in path.values():
                    if "422" in operation["responses"]:
                        problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
                        operation["responses"]["422"]["content"] = {"application/json": problem}
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            application.openapi_schema = found
        return application.openapi_schema

    application.openapi = schema  # type: ignore[method-assign]

    @application.get("/api/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return send(schema())
