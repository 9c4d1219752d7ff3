"""The small parts: text, times, cards and figures. Each sends to the browser only what has changed."""

from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from flead.dashboard.formats import NONE


class Text(TextElement):
    """Text in an HTML element, escaped."""

    def __init__(self, tag: str, text: str = "", classes: str = "") -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)


class Moment(ui.element, component="moment.js"):
    """A time in the viewer's zone, with UTC on hover; a dash for None."""

    def __init__(self, milliseconds: int | None = None) -> None:
        super().__init__()
        self.show(milliseconds)

    def show(self, milliseconds: int | None) -> None:
        """Show another time, in milliseconds since the epoch."""
        set_prop(self, "at", milliseconds)


class Card(ui.element):
    """A titled section of the page; ``with`` fills it. ``span`` is its share of twelve columns."""

    def __init__(self, title: str, span: int, note: str = "") -> None:
        super().__init__("section")
        self.classes(f"card span-{span}")
        with self, box("card-head"):
            self.props["aria-labelledby"] = Text("h2", title).html_id
            self.note = Text("p", note, "note")


class Stat(ui.element):
    """One figure, with what it is above it and a line about it below."""

    def __init__(self, title: str, span: int = 2) -> None:
        super().__init__("section")
        self.classes(f"card stat span-{span}")
        with self:
            self.props["aria-labelledby"] = Text("h2", title).html_id
            self._value = Text("p", NONE, "figure")
            self._note = Text("p", "", "note")

    def show(self, value: str, note: str = "") -> None:
        """Show another figure."""
        self._value.set_text(value)
        self._note.set_text(note)


def box(classes: str = "", tag: str = "div") -> ui.element:
    """A plain container."""
    return ui.element(tag).classes(classes)


def set_prop(element: ui.element, name: str, value: Any) -> None:
    """Set a property of an element, and send it only if it differs."""
    if name not in element.props or element.props[name] != value:
        element.props[name] = value
        element.update()


def set_visible(element: ui.element, visible: bool) -> None:
    """Show or hide an element."""
    if element.visible != visible:
        element.set_visibility(visible)
