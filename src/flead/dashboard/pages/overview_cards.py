"""Cards of the overview: what the global model and the alarms are worth, and how the fleet is."""

from collections.abc import Sequence

from nicegui import ui

from flead.dashboard.components.elements import Card, Text, box, set_visible
from flead.dashboard.components.fleetmap import Device, FleetMap
from flead.dashboard.formats import NONE, count, figure, percent, plural
from flead.storage.queries.alarm_rows import DetectionRow
from flead.storage.queries.rows import STATES, EvaluationRow, GlobalModelRow, State

MEANING: dict[State, str] = {
    "normal": "trained, and nothing unusual lately",
    "warning": "an alarm that is not closed",
    "critical": "a critical alarm that is not closed",
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
                    self._false_alarms = _pair("False alarms", "Share of normal readings that the model flags")
            self._detector = Text("p", "", "note detector")

    def show(
        self, model: GlobalModelRow | None, evaluated: EvaluationRow | None, detections: list[DetectionRow]
    ) -> None:
        """What devices report of the newest model, and what was measured of the newest evaluated and of the flags."""
        self._detector.set_text(_in_words(detections[0]) if detections and detections[0].readings else "")
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
    """Every device as a square coloured by its state, and links to the lists of them."""

    def __init__(self) -> None:
        super().__init__("Fleet", 12)
        self.classes("fleet")
        with self:
            with box("states"):
                self._counts = {state: _state_link(state) for state in STATES}
            self._map = FleetMap()
            self._empty = Text("p", NO_DEVICES, "empty")

    def show(self, devices: Sequence[Device], states: dict[int, dict[State, int]]) -> None:
        """``devices`` with their states, none of a large fleet; ``states`` counts them by broker."""
        for state in STATES:
            self._counts[state].set_text(count(sum(counts.get(state, 0) for counts in states.values())))
        if states:
            self._map.show(devices, states)
        self.note.set_text("" if devices or not states else "a square is many devices; a state that occurs has one")
        set_visible(self._map, bool(states))
        set_visible(self._empty, not states)


def _in_words(found: DetectionRow) -> str:
    return (
        f"The devices' own flags ({found.detector}), on {plural(found.readings, 'labelled reading')} one by one:"
        f" F1 {figure(found.f1, 3)}, false alarms {percent(found.false_alarm_rate, 2)},"
        f" missed {percent(found.missed_alarm_rate)}"
    )


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
