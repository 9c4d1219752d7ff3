"""The fleet as squares coloured by state."""

from collections.abc import Mapping, Sequence

from nicegui import ui

from flead.dashboard.components.elements import set_prop
from flead.storage.queries.rows import STATES, State

WORST: tuple[State, ...] = ("critical", "warning", "learning", "silent", "normal")
SQUARES = 400
"""Squares of each group, where a square does not stand for a single device."""

Device = tuple[str, State, int]
"""Id, state and broker."""


class FleetMap(ui.element, component="fleetmap.js"):
    """One square per device, by broker; for a large fleet a fixed number per broker, in proportion to its states."""

    def __init__(self) -> None:
        super().__init__()
        self.props.update(label="", groups=[], ids=[])

    def show(self, devices: Sequence[Device], states: Mapping[int, Mapping[State, int]]) -> None:
        """``devices`` by broker, empty for a fleet too large to show each; ``states`` counts them by broker."""
        total = {state: sum(counts.get(state, 0) for counts in states.values()) for state in STATES}
        said = ", ".join(f"{number} {state}" for state, number in total.items() if number)
        set_prop(self, "label", f"The fleet, a square for each device: {said}" if devices else f"The fleet: {said}")
        own: dict[int, list[Device]] = {broker: [] for broker in states}
        for device in devices:
            own.setdefault(device[2], []).append(device)
        if devices:
            set_prop(self, "ids", [[device_id for device_id, _, _ in group] for group in own.values()])
            letters = ["".join(state[0] for _, state, _ in group) for group in own.values()]
        else:
            set_prop(self, "ids", [None for _ in states])
            letters = [in_proportion(counts, SQUARES) for counts in states.values()]
        set_prop(self, "groups", [[f"Broker {n}", text] for n, text in zip(own, letters, strict=True)])


def in_proportion(counts: Mapping[State, int], squares: int) -> str:
    """A letter a square, the worst first; a state that any device is in has one square at least.

    >>> in_proportion({"normal": 9_990, "critical": 10}, 10)
    'cnnnnnnnnn'
    """
    total = sum(counts.values())
    if not total:
        return ""
    shares = {state: max(1, counts[state] * squares // total) for state in WORST[:-1] if counts.get(state)}
    rest = max(squares - sum(shares.values()), 0)
    return "".join(state[0] * number for state, number in shares.items()) + "n" * (rest if counts.get("normal") else 0)
