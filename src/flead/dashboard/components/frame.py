"""The frame of every page: the header, the navigation and the state of the store; and what keeps a page live."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nicegui import context, ui

from flead.dashboard.components.elements import Moment, Text, box, set_visible
from flead.dashboard.store_client import StoreError

REFRESH_SECONDS = 1.5
PAGES = (
    ("/", "Overview"),
    ("/alarms", "Alarms"),
    ("/devices", "Devices"),
    ("/agents", "Agents"),
    ("/models", "Models"),
    ("/streams", "Streams"),
    ("/api", "API"),
)
STYLES = ("theme", "frame", "cards", "tables", "fields", "narrow")
"""The style sheets, in the order in which they apply."""

_ASSETS = Path(__file__).parents[1] / "assets"
_ICON = (_ASSETS / "icon.svg").read_text(encoding="utf-8")


def _address(name: str) -> str:
    """An asset's address, which changes when the asset does, so that no browser keeps an old one."""
    return f"/assets/{name}?{hashlib.sha256((_ASSETS / name).read_bytes()).hexdigest()[:12]}"


_STYLES = "".join(f'<link rel="stylesheet" href="{_address(f"{name}.css")}">' for name in STYLES)
_HEAD = f"""
    <meta name="description" content="Federated learning for edge anomaly detection">
    {_STYLES}
    <script src="{_address("flead.js")}"></script>
"""


class Status:
    """Whether the store responds, in the page header, and in a banner when it does not."""

    def __init__(self) -> None:
        with box("live") as self._live:
            box("dot").props('aria-hidden="true"')
            self._word = Text("span", "Live")
            self._clock = Moment()
        self._lost_at: int | None = None

    def add_banner(self) -> None:
        """Put the banner here, hidden."""
        with box("banner").props('role="alert"') as self._banner:
            Text("strong", "The database does not respond.")
            with box(tag="span"):
                Text("span", "Since ")
                self._since = Moment()
                self._why = Text("span")
        set_visible(self._banner, False)

    def answered(self, clock: int | None) -> None:
        """The store responds; ``clock`` is the event time of the newest record."""
        self._lost_at = None
        self._live.classes(remove="lost")
        self._word.set_text("Live, data to" if clock is not None else "Waiting for readings")
        set_visible(self._clock, clock is not None)
        self._clock.show(clock)
        set_visible(self._banner, False)

    def failed(self, why: str) -> None:
        """The store does not respond: the figures on the page are outdated."""
        self._lost_at = self._lost_at or time.time_ns() // 1_000_000
        self._since.show(self._lost_at)
        self._live.classes("lost")
        self._word.set_text("No response")
        self._why.set_text(
            f". The page shows earlier data and will update automatically once the database is back."
            f" If that takes long, check its log. ({why})"
        )
        set_visible(self._banner, True)


@contextmanager
def frame(title: str, here: str) -> Iterator[Status]:
    """The page around its content; ``here`` is the address that the navigation marks."""
    ui.page_title(f"{title} · FLEAD")
    ui.add_head_html(_HEAD)
    with context.client.layout, box("top", "header") as head:
        with ui.element("a").classes("brand").props('href="/"'):
            ui.html(_ICON, sanitize=False, tag="span").classes("mark").props('aria-hidden="true"')
            Text("span", "FLEAD")
        with box("pages", "nav").props('aria-label="Pages"'):
            for address, name in PAGES:
                link = Text("a", name).props(f'href="{address}"')
                if address == here:
                    link.props('aria-current="page"')
        status = Status()
        button = Text("button", "", "theme").props('type="button" aria-label="Change the colour theme" title="Theme"')
        button.on("click", js_handler="(event) => flead.nextTheme(event.currentTarget)")
    head.move(target_index=0)
    with box("content") as content:
        status.add_banner()
        yield status
        Text("p", "Times are in your time zone; hover over one to see it in UTC.", "foot")
    ui.skip_link("Skip to the content", target=content)


async def keep_live(status: Status, refresh: Callable[[], Awaitable[int | None]]) -> Callable[[], Awaitable[None]]:
    """Fill the page and refresh it for as long as it is open; returns a function that refreshes it at once.

    ``refresh`` returns the data's clock.
    """

    async def tick() -> None:
        try:
            clock = await refresh()
        except StoreError as error:
            status.failed(str(error))
        else:
            status.answered(clock)

    await tick()
    ui.timer(REFRESH_SECONDS, tick, immediate=False)
    return tick
