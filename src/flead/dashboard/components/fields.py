"""What a reader of a page can set: a search text, one of several choices, a button."""

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import events, ui

from flead.dashboard.components.elements import set_prop

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


def _text_to(handler: Callable[[str], Any]) -> Callable[[events.GenericEventArguments], Any]:
    return lambda event: handler(str(event.args))
