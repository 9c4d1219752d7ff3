"""Two cards of the overview: what the global model is worth, and how the fleet is."""

from nicegui import ui

from flead.dashboard.components.elements import Card, Text, box, set_visible
from flead.dashboard.formats import NONE, count, figure, percent, plural
from flead.storage.rows import STATES, EvaluationRow, GlobalModelRow, State

MEANING: dict[State, str] = {
    "normal": "trained, and nothing unusual lately",
    "warning": "an anomaly in the last minute",
    "critical": "a critical anomaly in the last ten minutes",
    "learning": "not trained yet",
    "silent": "no reading for an hour",
}


NO_DEVICES = "No device yet: flead run simulates a fleet, or reads your own data."


class Accuracy(Card):
    """The published figure, never without those that say what it is worth."""

    def __init__(self) -> None:
        super().__init__("Latest global accuracy", 6)
        self.classes("stat accuracy")
        with self:
            with box("reported"):
                self._reported = Text("p", NONE, "figure")
                self._by = Text("p", "", "note")
            with box("measured"):
                self._measured_on = Text("p", "", "note")
                with box("pairs", "dl"):
                    self._accuracy = _pair("Accuracy")
                    self._majority = _pair("Majority class", "Accuracy of always naming the more frequent class")
                    self._f1 = _pair("F1")
                    self._false_alarms = _pair("False alarms", "Share of normal readings that were flagged")

    def show(self, model: GlobalModelRow | None, evaluated: EvaluationRow | None) -> None:
        """What the devices report of the newest model, and what was measured of the newest evaluated one."""
        self._reported.set_text(percent(model.accuracy if model else None))
        self._by.set_text(
            f"v{model.version}, reported by {plural(model.num_devices, 'device')}" if model else "no global model yet"
        )
        self._measured_on.set_text(
            f"v{evaluated.version}, measured on {plural(evaluated.readings, 'labelled reading')}"
            if evaluated
            else "not measured: no reading came with a label so far"
        )
        self._accuracy.set_text(percent(evaluated.accuracy if evaluated else None))
        self._majority.set_text(percent(evaluated.majority_accuracy if evaluated else None))
        self._f1.set_text(figure(evaluated.f1 if evaluated else None, 3))
        self._false_alarms.set_text(percent(evaluated.false_alarm_rate if evaluated else None, 2))


class FleetStates(Card):
    """How many devices are in each state: a bar, and links to the lists of them."""

    def __init__(self) -> None:
        super().__init__("Fleet", 6)
        self.classes("fleet")
        with self:
            with box("states-bar").props('aria-hidden="true"') as self._bar:
                self._parts = {state: box(state) for state in STATES}
            with box("states"):
                self._counts = {state: _state_link(state) for state in STATES}
            self._empty = Text("p", NO_DEVICES, "empty")

    def show(self, states: dict[State, int]) -> None:
        """Show other numbers of devices."""
        total = sum(states.values())
        for state in STATES:
            number = states.get(state, 0)
            self._counts[state].set_text(count(number))
            # Sending a style that did not change would be an update for nothing.
            width = f"{100 * number / total if total else 0:.3f}%"
            if self._parts[state].style.get("width") != width:
                self._parts[state].style(f"width: {width}")
        set_visible(self._bar, total > 0)
        set_visible(self._empty, total == 0)


def _pair(name: str, hint: str = "") -> Text:
    with box():
        label = Text("dt", name)
        if hint:
            label.props["title"] = hint
        return Text("dd", NONE)


def _state_link(state: State) -> Text:
    with ui.element("a").props(f'href="/devices?state={state}" title="{MEANING[state]}"'):
        Text("span", state, f"badge {state}")
        return Text("span", "0", "state-count")
