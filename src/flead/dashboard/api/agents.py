"""The agents: their names, their state, and what was refused from them."""

from fastapi import APIRouter, Response

from flead.dashboard.api.answers import Limit, answers, rows, send
from flead.dashboard.site import Site
from flead.storage import queries
from flead.storage.queries.rows import AgentRow, RejectedReason


def routes(site: Site) -> APIRouter:
    """``/api/agents``."""
    api, ask = APIRouter(prefix="/api/agents", tags=["agents"]), site.store.ask

    @api.get("", responses=answers(rows(AgentRow, "Agents"), 422))
    async def agents(limit: Limit = 100) -> Response:
        """The agents, silent ones first."""
        return send({"rows": await ask(queries.agents, limit)})

    @api.get("/refused", responses=answers(rows(RejectedReason, "AgentsRefused"), 422))
    async def refused(limit: Limit = 100) -> Response:
        """What was refused under an agent's name, by reason."""
        return send({"rows": await ask(queries.agents_refused, limit)})

    return api
