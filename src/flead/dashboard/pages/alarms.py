"""Alarms: what is wrong now, since when and why; acknowledged and closed here, exported, sent to a webhook."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import urlencode

from nicegui import ui
from psycopg import Connection

from flead.dashboard.components.elements import Card, Text, box, set_prop
from flead.dashboard.components.fields import Choice, Search, button
from flead.dashboard.components.frame import frame, keep_live
from flead.dashboard.components.table import Table, column
from flead.dashboard.formats import count
from flead.dashboard.reasons import reason_of_alarm
from flead.dashboard.site import Site
from flead.records import Severity
from flead.storage import queries
from flead.storage.queries import Wanted
from flead.storage.queries.alarm_rows import AlarmCounts, AlarmPage, AlarmRow, AlarmState
from flead.storage.queries.rows import BrokerTotals

PAGE = 25
ACTIONS: dict[str, AlarmState] = {"Acknowledge": "acknowledged", "Close": "closed", "Reopen": "open"}


@dataclass(frozen=True)
class Asked:
    """What the reader asked for; it is in the address too."""

    state: Wanted | None = "active"
    severity: Severity | None = None
    device: str = ""
    broker: int | None = None
    page: int = 1

    @classmethod
    def from_address(cls, state: str, severity: str, device: str, broker: str, page: str) -> "Asked":
        """What an address asks for; what makes no sense is left out."""
        return cls(
            state=None if state == "all" else next((known for known in get_args(Wanted) if known == state), "active"),
            severity=next((known for known in get_args(Severity) if known == severity), None),
            device=device[:256],
            broker=int(broker) if broker.isascii() and broker.isdigit() and len(broker) < 10 else None,
            page=int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 6 and int(page) else 1,
        )

    def query(self) -> str:
        """The address's part after the question mark."""
        given = {
            "state": "all" if self.state is None else "" if self.state == "active" else self.state,
            "severity": self.severity or "",
            "device": self.device,
            "broker": "" if self.broker is None else str(self.broker),
            "page": "" if self.page == 1 else str(self.page),
        }
        return urlencode({name: value for name, value in given.items() if value})

    def export(self, kind: str) -> str:
        """Where these alarms are to be had as a file."""
        given = {"state": self.state, "severity": self.severity, "device": self.device, "broker": self.broker}
        return f"/api/alarms.{kind}?{urlencode({name: value for name, value in given.items() if value is not None})}"


def add_alarms(site: Site) -> None:
    """Serve the page."""

    @ui.page("/alarms", title="Alarms · FLEAD", response_timeout=10)
    async def alarms(state: str = "", severity: str = "", device: str = "", broker: str = "", page: str = "") -> None:
        with frame("Alarms", "/alarms") as status:
            view = _View(site, Asked.from_address(state, severity, device, broker, page))
        view.update = await keep_live(status, view.refresh)


@dataclass
class _Seen:
    page: AlarmPage
    counts: AlarmCounts
    brokers: list[BrokerTotals]
    clock: int | None


def _look(connection: Connection[Any], asked: Asked) -> _Seen:
    with connection.transaction():
        page = queries.alarms(
            connection, asked.state, asked.severity, asked.device, asked.broker,
            limit=PAGE, offset=PAGE * (asked.page - 1),
        )  # fmt: skip
        totals = queries.overview(connection)
        return _Seen(page, queries.alarm_counts(connection), queries.broker_totals(connection), totals.clock)


class _View:
    update: Callable[[], Awaitable[None]]

    def __init__(self, site: Site, asked: Asked) -> None:
        self._site = site
        self._asked = asked
        with box("title-row"):
            Text("h1", "Alarms")
            self._counts = Text("p", "", "note")
        with box("filters").props('role="search"'):
            Search("Device id", asked.device, lambda text: self._ask_for(device=text.strip()))
            Choice("State", _STATES, asked.state or "all", self._choose_state)
            Choice(
                "Severity",
                [("", "Any severity"), ("critical", "Critical"), ("warning", "Warning")],
                asked.severity or "",
                lambda severity: self._ask_for(severity=severity or None),
            )
            self._brokers = Choice(
                "Broker",
                [("", "All brokers")],
                "" if asked.broker is None else str(asked.broker),
                lambda broker: self._ask_for(broker=int(broker) if broker.isdigit() else None),
            )
            self._files = {kind: Text("a", kind.upper(), "button").props("download") for kind in ("csv", "json")}
        with ui.element("section").classes("card flush").props('aria-label="Alarms"'):
            self._table = Table("Alarms", _COLUMNS, NONE_ACTIVE, on_act=self._act)
            with box("pager", "nav").props('aria-label="Pages of the table"'):
                self._range = Text("p", "", "note")
                self._previous = button("Previous", lambda: self._turn(-1))
                self._next = button("Next", lambda: self._turn(1))
        self._link_files()
        _webhook(site)

    async def refresh(self) -> int | None:
        asked = self._asked
        seen = await self._site.store.ask(_look, asked)
        if asked == self._asked:
            self._show(seen)
        return seen.clock

    def _show(self, seen: _Seen) -> None:
        counts, asked, rows = seen.counts, self._asked, seen.page.rows
        self._counts.set_text(
            f"{count(counts.open)} open, {count(counts.open_critical)} of them critical;"
            f" {count(counts.acknowledged)} acknowledged"
        )
        self._brokers.offer([("", "All brokers"), *((str(b.broker_id), f"Broker {b.broker_id}") for b in seen.brokers)])
        none = NONE_ACTIVE if asked == Asked(page=asked.page) else NO_MATCH
        self._table.show([_row(alarm) for alarm in rows], none)
        first, total = PAGE * (asked.page - 1), seen.page.total
        many = "10,000 or more" if total >= 10_000 else count(total)
        self._range.set_text(f"{count(first + 1)}–{count(first + len(rows))} of {many}" if rows else "")
        set_prop(self._previous, "disabled", asked.page <= 1)
        set_prop(self._next, "disabled", first + PAGE >= total)

    async def _choose_state(self, state: str) -> None:
        await self._ask_for(state=None if state == "all" else state)

    async def _ask_for(self, **changes: Any) -> None:
        self._asked = replace(self._asked, **{"page": 1, **changes})
        query = self._asked.query()
        ui.navigate.history.replace(f"/alarms?{query}" if query else "/alarms")
        self._link_files()
        await self.update()

    def _link_files(self) -> None:
        for kind, link in self._files.items():
            set_prop(link, "href", self._asked.export(kind))
            set_prop(link, "aria-label", f"Export these alarms as {kind.upper()}")

    async def _turn(self, pages: int) -> None:
        await self._ask_for(page=max(self._asked.page + pages, 1))

    async def _act(self, action: str, key: Any) -> None:
        if action in ACTIONS and isinstance(key, int):
            await self._site.store.change(queries.set_alarms, (key,), ACTIONS[action])
            await self.update()


def _webhook(site: Site) -> None:
    """Where critical alarms go, and a way to try it."""
    with Card("Webhook", 12).classes("below"):
        if site.webhook is None:
            Text("p", NO_WEBHOOK, "note")
            return
        signed = "signed" if site.settings.webhook_secret else "not signed: set webhook_secret"
        with box("line"):
            Text("p", f"New critical alarms are sent to {site.webhook.host} ({signed}).")
            made: list[Text] = []

            async def test() -> None:
                assert site.webhook is not None
                said.set_text("Sending…")
                set_prop(made[0], "disabled", True)
                trouble = await asyncio.to_thread(site.webhook.test)
                set_prop(made[0], "disabled", False)
                said.set_text("Delivered." if trouble is None else f"Not delivered: {trouble}.")

            made.append(button("Send a test", test))
            said = Text("p", "", "note")
            said.props('role="status"')


_STATES = [
    ("active", "Not closed"),
    ("open", "Open"),
    ("acknowledged", "Acknowledged"),
    ("closed", "Closed"),
    ("all", "All states"),
]
NONE_ACTIVE = "No alarms. A device appears here as soon as several readings leave its band, or one leaves it by far."
NO_MATCH = "No alarms match. Choose all states, any severity and all brokers, or another device."
NO_WEBHOOK = (
    "No webhook is configured. With webhook_url (FLEAD_WEBHOOK_URL) new critical alarms are sent there as JSON; with"
    " webhook_secret they are signed."
)

_COLUMNS = [
    column("severity", "Severity", "state"),
    column("device", "Device", "device"),
    column("why", "Why", "prose"),
    column("started", "Since", "time"),
    column("last", "Last flagged", "time", narrow=False),
    column("flagged", "Readings", "number", narrow=False, hint="Flagged readings of the event"),
    column("state", "State", narrow=False),
    column("actions", "", "actions"),
]


def _row(alarm: AlarmRow) -> dict[str, object]:
    actions = {"open": ["Acknowledge", "Close"], "acknowledged": ["Close"], "closed": ["Reopen"]}[alarm.state]
    state = f"{alarm.state} automatically" if alarm.closed_by == "quiet" else alarm.state
    return {
        "key": alarm.id,
        "name": f"alarm {alarm.id} of {alarm.device_id}",
        "severity": alarm.severity,
        "device": alarm.device_id,
        "why": reason_of_alarm(alarm),
        "started": alarm.started_at,
        "last": alarm.last_at,
        "flagged": count(alarm.anomalies),
        "state": state,
        "actions": actions,
    }
