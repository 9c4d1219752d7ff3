"""The global models: every version with what it was worth, two of them compared, and back to an older one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from nicegui import ui
from psycopg import Connection

from flead.dashboard.components.elements import Card, Text, box, set_prop, set_visible
from flead.dashboard.components.fields import Confirm, button
from flead.dashboard.components.frame import frame, keep_live
from flead.dashboard.components.table import Table, column
from flead.dashboard.formats import NONE, count, figure, percent
from flead.dashboard.pages.overview_charts import AccuracyTrend
from flead.dashboard.site import Site
from flead.errors import FleadError
from flead.storage import queries
from flead.storage.parameters import Difference, differences
from flead.storage.queries.rows import TrendPoint, VersionRow

PAGE = 25
TREND = 300
MOST_PARAMETERS = 60


def add_models(site: Site) -> None:
    """Serve the page."""

    @ui.page("/models", title="Global models · FLEAD", response_timeout=10)
    async def models(before: str = "") -> None:
        with frame("Global models", "/models") as status:
            view = _View(site, int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None)
        view.update = await keep_live(status, view.refresh)


@dataclass
class _Seen:
    clock: int | None
    newest: int
    versions: list[VersionRow]
    trend: list[TrendPoint]


def _look(connection: Connection[Any], before: int | None) -> _Seen:
    with connection.transaction():
        totals = queries.overview(connection)
        versions = queries.versions(connection, PAGE, before)
        return _Seen(totals.clock, totals.global_models, versions, queries.accuracy_trend(connection, TREND))


def _compare(connection: Connection[Any], first: int, second: int) -> tuple[list[VersionRow], list[Difference]]:
    rows = [row for version in (first, second) for row in queries.versions(connection, version=version)]
    models = [queries.global_parameters(connection, version) for version in (first, second)]
    old, new = ({} if model is None else model.parameters for model in models)
    return rows, differences(old, new)


class _View:
    update: Callable[[], Awaitable[None]]

    def __init__(self, site: Site, before: int | None) -> None:
        self._site = site
        self._before = before
        self._newest = 0
        self._chosen: list[int] = []
        with box("title-row"):
            Text("h1", "Global models")
            self._total = Text("p", "", "note")
        with box("grid"):
            self._trend = AccuracyTrend(12)
            with Card("Compare and roll back", 12, "choose one or two versions in the table") as card:
                card.classes("compare")
                with box("line"):
                    self._about = Text("p", NOTHING_CHOSEN, "note")
                    self._rollback = Confirm("Roll back", "Roll back the global model?", self._roll_back)
                self._said = Text("p", "", "note")
                self._said.props('role="status"')
                self._measures = Table("The chosen versions", _MEASURES, "")
                self._parameters = Table("Their parameters", _PARAMETERS, "")
            with ui.element("section").classes("card flush span-12").props('aria-label="Versions"'):
                self._table = Table("Versions", _COLUMNS, NO_MODELS, on_act=self._choose)
                with box("pager", "nav").props('aria-label="Pages of the table"'):
                    self._range = Text("p", "", "note")
                    self._newer = button("Newest", lambda: self._turn(None))
                    self._older = button("Older", self._turn_older)
        self._oldest: int | None = None

    async def refresh(self) -> int | None:
        before = self._before
        seen = await self._site.store.ask(_look, before)
        if before == self._before:
            self._show(seen)
        await self._show_chosen()
        return seen.clock

    def _show(self, seen: _Seen) -> None:
        self._newest = seen.newest
        self._total.set_text(f"{count(seen.newest)} so far" if seen.newest else "")
        self._trend.show(seen.trend)
        self._table.show([_row(row, row.version in self._chosen, row.version == seen.newest) for row in seen.versions])
        self._oldest = seen.versions[-1].version if seen.versions else None
        shown = f"{seen.versions[0].version}–{self._oldest}" if seen.versions else ""
        self._range.set_text(f"versions {shown}" if shown else "")
        set_prop(self._newer, "disabled", self._before is None)
        set_prop(self._older, "disabled", self._oldest is None or self._oldest <= 1)

    async def _show_chosen(self) -> None:
        chosen = sorted(self._chosen)
        self._about.set_text(NOTHING_CHOSEN if not chosen else _about(chosen))
        wanted = [version for version in chosen if version != self._newest]
        target = wanted[0] if len(chosen) == 1 and wanted else None
        self._rollback.about(
            "" if target is None else str(target),
            ""
            if target is None
            else f"The parameters of version {target} are published as version"
            f" {self._newest + 1} or the one after. Every device continues from them; nothing is deleted.",
        )
        set_visible(self._rollback, target is not None)
        if not chosen:
            self._measures.show([])
            self._parameters.show([])
            return
        first, second = chosen[0], chosen[-1] if len(chosen) > 1 else self._newest
        rows, found = await self._site.store.ask(_compare, first, second)
        self._measures.show([_measure(row) for row in rows])
        moved = sorted(found, key=lambda one: -abs(one.change or 0))[:MOST_PARAMETERS]
        kept = {one.name for one in moved}
        self._parameters.show([_parameter(one) for one in found if one.name in kept])

    async def _choose(self, action: str, key: Any) -> None:
        if action != "choose" or not isinstance(key, int):
            return
        if key in self._chosen:
            self._chosen.remove(key)
        else:
            self._chosen = [*self._chosen[-1:], key]
        await self.update()

    async def _roll_back(self, version: str) -> None:
        try:
            await self._site.roll_back(int(version))
        except (FleadError, ValueError) as error:
            self._said.set_text(f"Failed: {error}.")
        else:
            self._said.set_text(f"Requested: version {version} will be published again as the next version.")
            self._chosen.clear()
        await self.update()

    async def _turn(self, before: int | None) -> None:
        self._before = before
        ui.navigate.history.replace("/models" if before is None else f"/models?before={before}")
        await self.update()

    async def _turn_older(self) -> None:
        await self._turn(self._oldest)


NO_MODELS = "No global models yet. The first is made when enough different devices have trained."
NOTHING_CHOSEN = "Nothing is selected. One version is compared with the newest, two with each other."


def _about(chosen: list[int]) -> str:
    if len(chosen) == 1:
        return f"Version {chosen[0]} compared with the newest."
    return f"Version {chosen[0]} compared with version {chosen[1]}."


_COLUMNS = [
    column("chosen", "", "choose"),
    column("version", "Version"),
    column("devices", "Contributors", "number", hint="Devices whose updates were merged"),
    column("strategy", "Strategy", narrow=False, hint="How updates were merged; ε: the privacy budget spent so far"),
    column("accuracy", "Reported", "number", hint="Accuracy as the contributors reported it"),
    column("measured", "Measured", "number", narrow=False, hint="Accuracy on labelled readings that came after it"),
    column(
        "majority", "Majority", "number", narrow=False, hint="Accuracy of always predicting the more frequent class"
    ),
    column("f1", "F1", "number"),
    column("false", "False alarms", "number", narrow=False, hint="Share of normal readings that it flagged"),
    column("readings", "Tested on", "number", narrow=False, hint="Labelled readings"),
    column("time", "Created at", "time"),
]
_MEASURES = [
    column("version", "Version"),
    column("accuracy", "Reported", "number"),
    column("measured", "Measured", "number"),
    column("majority", "Majority", "number"),
    column("precision", "Precision", "number", narrow=False),
    column("recall", "Recall", "number", narrow=False),
    column("f1", "F1", "number"),
    column("readings", "Tested on", "number", narrow=False, hint="Labelled readings"),
]
_PARAMETERS = [
    column("name", "Parameter", "code"),
    column("first", "First", "number"),
    column("second", "Second", "number"),
    column("change", "Change", "number"),
]


def _row(row: VersionRow, chosen: bool, newest: bool) -> dict[str, object]:
    origin = f", again v{row.restored_version}" if row.restored_version else ", current" if newest else ""
    private = "" if row.epsilon is None else f", ε {figure(row.epsilon, 1)}"
    return _measure(row) | {
        "key": row.version,
        "name": f"version {row.version}",
        "chosen": chosen,
        "version": f"v{row.version}{origin}",
        "devices": count(row.num_devices),
        "strategy": row.strategy + private,
        "false": percent(row.false_alarm_rate, 2),
        "time": row.created_at,
    }


def _measure(row: VersionRow) -> dict[str, object]:
    return {
        "key": row.version,
        "version": f"v{row.version}",
        "accuracy": percent(row.accuracy),
        "measured": percent(row.measured_accuracy),
        "majority": percent(row.majority_accuracy),
        "precision": percent(row.precision),
        "recall": percent(row.recall),
        "f1": figure(row.f1, 3),
        "readings": count(row.evaluated) if row.evaluated else NONE,
    }


def _parameter(one: Difference) -> dict[str, object]:
    return {
        "key": one.name,
        "name": one.name,
        "first": figure(one.first, 5),
        "second": figure(one.second, 5),
        "change": figure(one.change, 3),
    }
