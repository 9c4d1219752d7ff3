"""Devices: a page of them, and one with its signal, anomalies and trainings."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from flead.dashboard.api.answers import Broker, Limit, Moment, NotThereError, Offset, answers, rows, send
from flead.dashboard.site import Site
from flead.dashboard.sources import source_of
from flead.ingest.recognise.device_source import DeviceSource
from flead.storage import queries
from flead.storage.queries import Order
from flead.storage.queries.rows import (
    AnomalyRow,
    DeviceModel,
    DevicePage,
    DeviceRow,
    ModelParameters,
    SignalPoint,
    State,
)

Points = Annotated[int, Query(ge=1, le=10_000, description="Return at most this many.")]
Channel = Annotated[str | None, Query(max_length=256, description="Only this channel.")]


def routes(site: Site) -> APIRouter:
    """``/api/devices``."""
    api, ask = APIRouter(prefix="/api/devices", tags=["devices"]), site.store.ask

    async def known(device_id: str) -> DeviceRow:
        found = await ask(queries.device, device_id)
        if found is None:
            raise NotThereError(f"there is no device {device_id!r}")
        return found

    @api.get("", responses=answers(DevicePage, 422))
    async def devices(
        search: Annotated[str, Query(max_length=256, description="Part of the id; case is ignored.")] = "",
        broker: Broker = None,
        state: State | None = None,
        kind: Annotated[str, Query(max_length=4096, description="Names of the channels, as in 'pressure, flow'.")] = "",
        sort: Order = "device_id",
        descending: bool = False,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """A page of the devices."""
        return send(await ask(queries.devices, search, broker, state, sort, descending, limit, offset, kind))

    @api.get("/{device_id:path}/signal", responses=answers(rows(SignalPoint, "Signal"), 404, 422))
    async def signal(
        device_id: str, since: Moment = None, until: Moment = None, channel: Channel = None, limit: Points = 2000
    ) -> Response:
        """The newest stored readings in since <= time < until, oldest first, with the windows they were judged by."""
        await known(device_id)
        return send({"rows": await ask(queries.device_signal, device_id, since, until, channel, limit)})

    @api.get("/{device_id:path}/anomalies", responses=answers(rows(AnomalyRow, "Anomalies"), 404, 422))
    async def anomalies(
        device_id: str, since: Moment = None, until: Moment = None, channel: Channel = None, limit: Points = 500
    ) -> Response:
        """The newest flagged readings in since <= time < until, newest first."""
        await known(device_id)
        return send({"rows": await ask(queries.device_anomalies, device_id, since, until, channel, limit)})

    @api.get("/{device_id:path}/versions", responses=answers(rows(DeviceModel, "DeviceModels"), 404, 422))
    async def versions(device_id: str, limit: Limit = 100) -> Response:
        """The newest trainings, newest first."""
        await known(device_id)
        return send({"rows": await ask(queries.device_models, device_id, limit)})

    @api.get("/{device_id:path}/parameters", responses=answers(ModelParameters, 404, 422))
    async def parameters(device_id: str) -> Response:
        """The parameters of the newest local model."""
        await known(device_id)
        found = await ask(queries.device_parameters, device_id)
        if found is None:
            raise NotThereError(f"device {device_id!r} has not trained yet")
        return send(found)

    @api.get("/{device_id:path}/source", responses=answers(DeviceSource, 404, 422))
    async def source(device_id: str) -> Response:
        """What the device's files were understood as: columns, times, units, and what was left out."""
        await known(device_id)
        found = await ask(source_of, device_id)
        if found is None:
            raise NotThereError(f"device {device_id!r} was not read from files by the newest run")
        return send(found)

    @api.get("/{device_id:path}", responses=answers(DeviceRow, 404, 422))
    async def device(device_id: str) -> Response:
        """The present state of one device."""
        return send(await known(device_id))

    return api
