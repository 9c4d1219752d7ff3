"""The global models: all versions, one, two compared, and a rollback to an older one."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from msgspec import Struct

from flead.dashboard.api.answers import Limit, NotThereError, Number, answers, rows, send
from flead.dashboard.site import Site
from flead.records import Parameters
from flead.storage import queries
from flead.storage.parameters import Difference, differences
from flead.storage.queries.rows import VersionRow


class ModelAnswer(VersionRow, kw_only=True):
    """A version with its parameters."""

    parameters: Parameters


class Comparison(Struct):
    """Two versions, and every number of them side by side."""

    first: VersionRow
    second: VersionRow
    parameters: list[Difference]


class Asked(Struct):
    """A rollback was requested; the resulting version is the next one."""

    rollback_to: int
    detail: str


def routes(site: Site) -> APIRouter:
    """``/api/models``."""
    api, ask = APIRouter(prefix="/api/models", tags=["global models"]), site.store.ask

    async def known(version: int) -> tuple[VersionRow, Parameters]:
        found = await ask(queries.versions, version=version)
        parameters = await ask(queries.global_parameters, version)
        if not found or parameters is None:
            raise NotThereError(f"there is no global model {version}")
        return found[0], parameters.parameters

    @api.get("", responses=answers(rows(VersionRow, "Versions"), 422))
    async def models(
        limit: Limit = 50,
        before: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Only versions before this one.")] = None,
    ) -> Response:
        """The newest global models with their measured quality, newest first."""
        return send({"rows": await ask(queries.versions, limit, before)})

    @api.get("/{version}", responses=answers(ModelAnswer, 404, 422))
    async def model(version: Number) -> Response:
        """One global model with its parameters."""
        row, parameters = await known(version)
        return send({**{name: getattr(row, name) for name in row.__struct_fields__}, "parameters": parameters})

    @api.get("/{first}/diff/{second}", responses=answers(Comparison, 404, 422))
    async def diff(first: Number, second: Number) -> Response:
        """Two global models side by side."""
        (one, old), (other, new) = await known(first), await known(second)
        return send(Comparison(one, other, differences(old, new)))

    @api.post("/{version}/rollback", status_code=202, responses=_accepted())
    async def rollback(version: Number) -> Response:
        """Publish the parameters of this version as a new version, which every device then continues from."""
        await site.roll_back(version)
        return send(Asked(version, "requested: the next version will have these parameters"), 202)

    return api


def _accepted() -> dict[int | str, dict[str, object]]:
    found = answers(Asked, 404, 422)
    return {202 if status == 200 else status: answer for status, answer in found.items()}
