"""All devices: searched, filtered, sorted and paged by the database, so that 100,000 are as quick as one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import urlencode

from nicegui import ui

from flead.dashboard.components.elements import Text, box, set_prop
from flead.dashboard.components.fields import Choice, Search, button
from flead.dashboard.components.frame import frame, keep_live
from flead.dashboard.components.table import Table, column
from flead.dashboard.formats import count, percent, plural
from flead.dashboard.site import Site
from flead.dashboard.store_client import StoreClient
from flead.storage import queries
from flead.storage.queries import Order
from flead.storage.queries.rows import STATES, DevicePage, DeviceRow, State

PAGE = 50
ASCENDING_FIRST = ("device_id", "broker_id", "state")
"""Of names one wants the first, of numbers the largest."""


@dataclass(frozen=True)
class Wanted:
    """What the reader asked for; it is in the address too, so that a view can be kept and passed on."""

    search: str = ""
    broker: int | None = None
    state: State | None = None
    kind: str = ""
    sort: Order = "device_id"
    descending: bool = False
    page: int = 1

    @classmethod
    def from_address(
        cls, search: str, broker: str, state: str, kind: str, sort: str, descending: str, page: str
    ) -> "Wanted":
        """What an address asks for; what makes no sense is left out."""
        return cls(
            search=search[:256],
            broker=_whole(broker),
            state=next((known for known in STATES if known == state), None),
            kind=kind[:4096],
            sort=next((known for known in get_args(Order) if known == sort), "device_id"),
            descending=descending == "1",
            page=_whole(page) or 1,
        )

    def address(self) -> str:
        """The address of this view."""
        given = {
            "search": self.search,
            "broker": "" if self.broker is None else str(self.broker),
            "state": self.state or "",
            "kind": self.kind,
            "sort": "" if self.sort == "device_id" else self.sort,
            "descending": "1" if self.descending else "",
            "page": "" if self.page == 1 else str(self.page),
        }
        asked = urlencode({name: value for name, value in given.items() if value})
        return f"/devices?{asked}" if asked else "/devices"

    @property
    def is_filtered(self) -> bool:
        """Whether some devices may be left out."""
        return bool(self.search or self.state or self.kind) or self.broker is not None


def add_devices(site: Site) -> None:
    """Serve the page."""

    @ui.page("/devices", title="Devices · FLEAD", response_timeout=10)
    async def devices(
        search: str = "",
        broker: str = "",
        state: str = "",
        kind: str = "",
        sort: str = "",
        descending: str = "",
        page: str = "",
    ) -> None:
        with frame("Devices", "/devices") as status:
            view = _View(site.store, Wanted.from_address(search, broker, state, kind, sort, descending, page))
        view.update = await keep_live(status, view.refresh)


class _View:
    update: Callable[[], Awaitable[None]]

    def __init__(self, store: StoreClient, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        with box("title-row"):
            Text("h1", "Devices")
            self._total = Text("p", "", "note")
        with box("filters").props('role="search"'):
            Search("Search by device id", wanted.search, lambda text: self._ask_for(search=text.strip()))
            self._brokers = Choice(
                "Broker",
                _broker_choices([] if wanted.broker is None else [wanted.broker]),
                "" if wanted.broker is None else str(wanted.broker),
                lambda broker: self._ask_for(broker=_whole(broker)),
            )
            Choice(
                "State",
                [("", "All states"), *((state, state.capitalize()) for state in STATES)],
                wanted.state or "",
                lambda state: self._ask_for(state=state or None),
            )
            self._kinds = Choice(
                "Kind", _kind_choices([wanted.kind] if wanted.kind else []), wanted.kind,
                lambda kind: self._ask_for(kind=kind),
            )  # fmt: skip
        with ui.element("section").classes("card flush").props('aria-label="Devices"'):
            self._table = Table("Devices", _COLUMNS, NO_DEVICES, self._sort_by)
            with box("pager", "nav").props('aria-label="Pages of the table"'):
                self._range = Text("p", "", "note")
                self._previous = button("Previous", lambda: self._turn(-1))
                self._next = button("Next", lambda: self._turn(1))

    async def refresh(self) -> int | None:
        wanted = self._wanted
        ask = self._store.ask
        page = await ask(
            queries.devices,
            wanted.search,
            wanted.broker,
            wanted.state,
            wanted.sort,
            wanted.descending,
            limit=PAGE,
            offset=PAGE * (wanted.page - 1),
            kind=wanted.kind,
        )
        kinds = await ask(queries.device_kinds)
        brokers = await ask(queries.broker_totals)
        totals = await ask(queries.overview)
        if wanted == self._wanted:  # else the reader has asked for something else meanwhile
            self._brokers.offer(_broker_choices([broker.broker_id for broker in brokers]))
            self._kinds.offer(_kind_choices(list(kinds)))
            self._show(page)
        return totals.clock

    def _show(self, page: DevicePage) -> None:
        wanted = self._wanted
        first = PAGE * (wanted.page - 1)
        matching = " that match" if wanted.is_filtered else ""
        self._total.set_text(f"{plural(page.total, 'device')}{matching}")
        self._table.show([_row(device) for device in page.rows], NO_MATCH if wanted.is_filtered else NO_DEVICES)
        self._table.mark_sort(wanted.sort, wanted.descending)
        shown = f"{count(first + 1)}–{count(first + len(page.rows))} of {count(page.total)}" if page.rows else ""
        self._range.set_text(shown)
        set_prop(self._previous, "disabled", wanted.page <= 1)
        set_prop(self._next, "disabled", first + PAGE >= page.total)

    async def _ask_for(self, **changes: Any) -> None:
        self._wanted = replace(self._wanted, **{"page": 1, **changes})
        ui.navigate.history.replace(self._wanted.address())
        await self.update()

    async def _sort_by(self, key: str) -> None:
        if key == self._wanted.sort:
            await self._ask_for(descending=not self._wanted.descending)
        elif key in get_args(Order):
            await self._ask_for(sort=key, descending=key not in ASCENDING_FIRST)

    async def _turn(self, pages: int) -> None:
        await self._ask_for(page=max(self._wanted.page + pages, 1))


NO_DEVICES = "No devices yet. They appear here with their first reading; flead run starts a simulated fleet."
NO_MATCH = "No devices match. Search for a shorter part of the id, or choose all brokers and all states."

_COLUMNS = [
    column("device_id", "Device", "device", sortable=True),
    column("state", "State", "state", sortable=True),
    column("broker_id", "Broker", "number", sortable=True, narrow=False),
    column("channels", "Channels", narrow=False),
    column("readings", "Readings", "number", sortable=True, narrow=False),
    column("anomalies", "Anomalies", "number", sortable=True),
    column("trainings", "Trainings", "number", sortable=True, narrow=False),
    column("accuracy", "Accuracy", "number", sortable=True, hint="Accuracy on the newest batch, before training on it"),
    column("last_seen", "Last seen", "time", sortable=True, narrow=False),
]


def _row(device: DeviceRow) -> dict[str, object]:
    return {
        "key": device.device_id,
        "device_id": device.device_id,
        "state": device.state,
        "broker_id": count(device.broker_id),
        "channels": device.channels[0] if len(device.channels) == 1 else f"{len(device.channels)} channels",
        "readings": count(device.readings),
        "anomalies": count(device.anomalies),
        "trainings": count(device.trainings),
        "accuracy": percent(device.accuracy),
        "last_seen": device.last_seen,
    }


def _broker_choices(brokers: list[int]) -> list[tuple[str, str]]:
    return [("", "All brokers"), *((str(broker), f"Broker {broker}") for broker in brokers)]


def _kind_choices(kinds: list[str]) -> list[tuple[str, str]]:
    return [("", "All kinds"), *((kind, kind) for kind in sorted(kinds))]


def _whole(text: str) -> int | None:
    """A number that the database can hold as an int; None if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
