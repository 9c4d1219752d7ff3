"""Controls: a search field, a list of choices, a button."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import events, ui

from flead.dashboard.components.elements import Text, set_prop

Choices = Sequence[tuple[str, str]]
"""Values, and what is shown for them."""


class Search(ui.element, component="search.js"):
    """A search field; ``on_search`` gets the text when the typing pauses."""

    def __init__(self, label: str, start: str, on_search: Callable[[str], Any]) -> None:
        super().__init__()
        self.props.update(label=label, start=start)
        self.on("search", _text_to(on_search))


class Choice(ui.element, component="choice.js"):
    """A list to choose one from."""

    def __init__(self, label: str, choices: Choices, start: str, on_choose: Callable[[str], Any]) -> None:
        super().__init__()
        self.props.update(label=label, start=start, choices=[list(choice) for choice in choices])
        self.on("choose", _text_to(on_choose))

    def offer(self, choices: Choices) -> None:
        """Offer other choices."""
        set_prop(self, "choices", [list(choice) for choice in choices])


class Confirm(ui.element, component="confirm.js"):
    """A button that asks for confirmation in a dialog; ``on_confirm`` gets the ``subject`` that was shown last."""

    def __init__(self, label: str, title: str, on_confirm: Callable[[str], Any]) -> None:
        super().__init__()
        self.props.update(label=label, title=title, text="", subject="")
        self.on("confirm", _text_to(on_confirm))

    def about(self, subject: str, text: str) -> None:
        """What it is about, and what the dialog says."""
        set_prop(self, "subject", subject)
        set_prop(self, "text", text)


def button(text: str, on_click: Callable[[], Awaitable[None]]) -> Text:
    """A button; set its property ``disabled`` where there is nothing to do."""
    made = Text("button", text, "button")
    made.props('type="button"')
    made.on("click", on_click, args=[])
    return made


def _text_to(handler: Callable[[str], Any]) -> Callable[[events.GenericEventArguments], Any]:
    return lambda event: handler(str(event.args))
