"""The agents: readings stay with them, and only what they learnt is sent here."""

from typing import Any

from nicegui import ui

from flead.dashboard.components.elements import Card, Text, box
from flead.dashboard.components.frame import frame, keep_live
from flead.dashboard.components.table import Table, column
from flead.dashboard.formats import NONE, count, plural
from flead.dashboard.site import Site
from flead.storage import queries
from flead.storage.queries.rows import AgentRow

MOST = 500


def add_agents(site: Site) -> None:
    """Serve the page."""

    @ui.page("/agents", title="Agents · FLEAD", response_timeout=10)
    async def agents() -> None:
        with frame("Agents", "/agents") as status:
            view = _View(site)
        await keep_live(status, view.refresh)


class _View:
    def __init__(self, site: Site) -> None:
        self._site = site
        Text("h1", "Agents")
        with box("grid"):
            with Card("Agents", 12) as card:
                self._note = card.note
                self._agents = Table("Agents", _AGENTS, NO_AGENTS)
            with Card("Refused under an agent's name", 12, "by reason; the messages are under Streams"):
                self._refused = Table("Refused under an agent's name", _REFUSED, "Nothing was refused.")

    async def refresh(self) -> int | None:
        ask = self._site.store.ask
        totals = await ask(queries.overview)
        found = await ask(queries.agents, MOST)
        silent = sum(agent.state == "silent" for agent in found)
        self._note.set_text(f"{plural(len(found), 'agent')}, {count(silent)} silent" if found else "")
        self._agents.show([_agent(agent) for agent in found])
        reasons = await ask(queries.agents_refused, 20)
        self._refused.show([{"key": r.reason, "reason": r.reason, "count": count(r.rejected)} for r in reasons])
        return totals.clock


NO_AGENTS = "No agents yet. flead agent learns where the readings originate, and is enrolled when it first connects."

_AGENTS = [
    column("name", "Agent"),
    column("state", "State", hint="As reported by the agent; silent if its connection broke and it did not return"),
    column("devices", "Devices", "number"),
    column("pending", "Not delivered", "number", hint="Messages that were queued at the agent when it last reported"),
    column("time", "Last seen", "time"),
    column("enrolled", "Enrolled", narrow=False),
    column("refused", "Refused", "prose", hint="What was refused under its name, whoever sent it"),
]
_REFUSED = [column("reason", "Reason", "prose"), column("count", "Messages", "number")]


def _agent(agent: AgentRow) -> dict[str, Any]:
    refused = sorted(agent.refused.items(), key=lambda pair: -pair[1])
    return {
        "key": agent.name,
        "name": agent.name,
        "state": agent.state or "not seen yet",
        "devices": count(agent.devices),
        "pending": count(agent.pending),
        "time": agent.spoke_at,
        "enrolled": "by command" if agent.by_command else "by first use",
        "refused": ", ".join(f"{count(number)} × {reason}" for reason, number in refused) or NONE,
    }
