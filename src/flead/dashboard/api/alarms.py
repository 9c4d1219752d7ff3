"""Alarms: filtered, exported, streamed, acknowledged and closed; and a test of the webhook."""

import asyncio
import csv
import io
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from flead.dashboard.api.answers import Broker, Limit, Moment, NotThereError, Offset, answers, send
from flead.dashboard.reasons import reason_of_alarm
from flead.dashboard.site import Site
from flead.dashboard.store_client import StoreClient, StoreError
from flead.errors import FleadError
from flead.records import Severity, to_text
from flead.storage import queries
from flead.storage.queries import Wanted
from flead.storage.queries.alarm_rows import AlarmPage, AlarmRow, AlarmState

EXPORTED = 10_000
STREAMS = 100
"""How many programs may stream the alarms at the same time."""
KEEP_ALIVE_SECONDS = 15.0

AlarmNumber = Annotated[int, Path(ge=1, le=2**63 - 1)]
Device = Annotated[str, Query(max_length=256, description="Only alarms of this device.")]
ACTIONS: dict[str, AlarmState] = {"acknowledge": "acknowledged", "close": "closed", "reopen": "open"}


class Delivered(msgspec.Struct):
    """The result of a test of the webhook."""

    delivered: bool
    host: str
    trouble: str | None


def routes(site: Site) -> APIRouter:
    """``/api/alarms`` and ``/api/webhook/test``."""
    api, ask = APIRouter(prefix="/api", tags=["alarms"]), site.store.ask
    followers = 0

    @api.get("/alarms", responses=answers(AlarmPage, 422))
    async def alarms(
        state: Annotated[Wanted | None, Query(description="active: all alarms that are not closed.")] = None,
        severity: Severity | None = None,
        device: Device = "",
        broker: Broker = None,
        since: Moment = None,
        until: Moment = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """A page of the alarms that began in since <= time < until, the newest first."""
        found = await ask(queries.alarms, state, severity, device, broker, since, until, limit, offset)
        return send(found)

    @api.get("/alarms.csv", response_class=Response, responses=_file("text/csv"))
    @api.get("/alarms.json", response_class=Response, responses=_file("application/json"))
    async def export(
        request: Request,
        state: Wanted | None = None,
        severity: Severity | None = None,
        device: Device = "",
        broker: Broker = None,
        since: Moment = None,
        until: Moment = None,
    ) -> Response:
        """The newest 10,000 of these alarms as a file; times in ISO 8601, UTC."""
        found = await ask(queries.alarms, state, severity, device, broker, since, until, EXPORTED)
        records = [_record(alarm) for alarm in found.rows]
        kind = request.url.path.rpartition(".")[2]
        headers = {"content-disposition": f'attachment; filename="alarms.{kind}"', "cache-control": "no-store"}
        if kind == "csv":
            return Response(_csv(records), headers=headers, media_type="text/csv")
        return Response(msgspec.json.encode(records), headers=headers, media_type="application/json")

    @api.get(
        "/alarms/stream",
        response_class=StreamingResponse,
        responses={200: {"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def stream(
        last_event_id: Annotated[str | None, Header(description="Resume after this revision.")] = None,
    ) -> Response:
        """Server-sent events: every new or changed alarm, its revision as the event's id."""
        nonlocal followers
        if followers >= STREAMS:
            return send({"detail": f"{STREAMS} programs are already streaming the alarms"}, 503)
        given = last_event_id or ""
        start = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
        revision = start if start is not None else await ask(queries.newest_revision)

        async def events() -> AsyncIterator[bytes]:
            nonlocal followers
            followers += 1
            try:
                async for event in _events(site.store, revision):
                    yield event
            finally:
                followers -= 1

        return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    @api.get("/alarms/{number}", responses=answers(AlarmRow, 404, 422))
    async def alarm(number: AlarmNumber) -> Response:
        """One alarm."""
        return send(await _known(site.store, number))

    @api.post("/alarms/{number}/{action}", responses=answers(AlarmRow, 404, 422))
    async def act(
        number: AlarmNumber, action: Annotated[str, Path(pattern="^(acknowledge|close|reopen)$")]
    ) -> Response:
        """Acknowledge, close or reopen one alarm; answers with the changed alarm."""
        await _known(site.store, number)
        await site.store.change(queries.set_alarms, [number], ACTIONS[action])
        return send(await _known(site.store, number))

    @api.post("/webhook/test", responses=answers(Delivered, 404))
    async def test_webhook() -> Response:
        """Send a test to the webhook, and report the result."""
        if site.webhook is None:
            raise FleadError(
                "no webhook is configured: set webhook_url (FLEAD_WEBHOOK_URL) to where alarms are to be sent"
            )
        trouble = await asyncio.to_thread(site.webhook.test)
        return send(Delivered(trouble is None, site.webhook.host, trouble))

    return api


async def _known(store: StoreClient, number: int) -> AlarmRow:
    found = await store.ask(queries.alarm, number)
    if found is None:
        raise NotThereError(f"there is no alarm {number}")
    return found


async def _events(store: StoreClient, revision: int) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    spoken = time.monotonic()
    while True:
        try:
            changed = await store.ask(queries.alarms_changed, revision)
        except StoreError as error:
            changed = []
            yield f": the database does not respond: {error}\n\n".replace("\r", " ").encode()
        for alarm in changed:
            revision = alarm.revision
            yield b"id: %d\nevent: alarm\ndata: %b\n\n" % (revision, msgspec.json.encode(alarm))
        now = time.monotonic()
        if changed:
            spoken = now
        elif now - spoken > KEEP_ALIVE_SECONDS:
            spoken = now
            yield b": still here\n\n"
        await asyncio.sleep(1.0)


def _record(alarm: AlarmRow) -> dict[str, Any]:
    found = msgspec.structs.asdict(alarm)
    times = {name: to_text(found[name]) for name in found if name.endswith("_at") and found[name] is not None}
    return {**found, **times, "why": reason_of_alarm(alarm)}


def _csv(records: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    names = [*AlarmRow.__struct_fields__, "why"]
    writer.writerow(names)
    for record in records:
        writer.writerow([_cell(record[name]) for name in names])
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    """Mark as text what a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _file(kind: str) -> dict[int | str, dict[str, Any]]:
    return answers(AlarmPage, 422) | {200: {"description": "A file.", "content": {kind: {}}}}
