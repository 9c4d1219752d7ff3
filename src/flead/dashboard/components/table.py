"""A table whose rows the server sends: headings that sort, links to devices, times in the viewer's zone."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from nicegui import events, ui

from flead.dashboard.components.elements import Text, set_prop, set_visible

Kind = Literal["text", "number", "device", "time", "state", "bar", "prose", "link", "actions", "choose", "code"]
Row = dict[str, Any]


def column(
    key: str, title: str, kind: Kind = "text", *, sortable: bool = False, narrow: bool = True, hint: str = ""
) -> Row:
    """A column's description; one with ``narrow=False`` is left out on a narrow screen."""
    return {"key": key, "title": title, "kind": kind, "sortable": sortable, "narrow": narrow, "hint": hint or None}


class _Table(ui.element, component="table.js"):
    pass


class Table:
    """Rows under headings; ``empty`` is what to say, and to do, when there are none.

    ``on_act`` gets what was pressed in a cell of kind ``actions`` or ``choose``, and the row's key.
    """

    def __init__(
        self,
        caption: str,
        columns: Sequence[Row],
        empty: str,
        on_sort: Callable[[str], Any] | None = None,
        on_act: Callable[[str, Any], Any] | None = None,
    ) -> None:
        self._table = _Table()
        self._table.props.update(caption=caption, columns=list(columns), rows=[], sort="", descending=False)
        if on_sort:

            def sort(event: events.GenericEventArguments) -> Any:
                return on_sort(str(event.args))

            self._table.on("sort", sort)
        if on_act:
            # The name of the action and the key of its row; a page is trusted with no more than what it was shown.
            self._table.on("act", lambda event: on_act(str(event.args[0]), event.args[1]))
        self._empty = Text("p", empty, "empty")
        self.show([])

    def show(self, rows: list[Row], empty: str | None = None) -> None:
        """Show other rows: dicts by the columns' keys."""
        set_prop(self._table, "rows", rows)
        if empty is not None:
            self._empty.set_text(empty)
        set_visible(self._table, bool(rows))
        set_visible(self._empty, not rows)

    def mark_sort(self, key: str, descending: bool) -> None:
        """Mark the column that the rows are sorted by."""
        set_prop(self._table, "sort", key)
        set_prop(self._table, "descending", descending)


def link(text: str, href: str) -> Row:
    """A cell of kind ``link``."""
    return {"text": text, "href": href}


def bar(text: str, *parts: tuple[str, float]) -> Row:
    """A cell of kind ``bar``: a text, and parts with their kind and their share of the whole, 0 to 1."""
    return {"text": text, "parts": [{"kind": kind, "percent": round(100 * share, 2)} for kind, share in parts]}
