"""How much may wait in an agent's outbox, and what goes first when that is too much.

First updates that a newer one of the same device has superseded, then other updates, alarms last; the oldest of each
first. What goes is counted by what it was.
"""

from dataclasses import dataclass

from flead.agent.store import AgentStore
from flead.topics import ANOMALIES, LOCAL_UPDATES

STEP = 500
"""So many at a time go, until there is room."""

ROOM = 0.95
"""Room is made to this share of the bound, so that it is not made at every commit."""

_SUPERSEDED = (
    f"topic = '{LOCAL_UPDATES}' AND EXISTS (SELECT 1 FROM outbox AS n"
    f" WHERE n.topic = '{LOCAL_UPDATES}' AND n.device = o.device AND n.sequence > o.sequence)"
)
ORDER = {
    "superseded updates": _SUPERSEDED,
    "updates": f"topic = '{LOCAL_UPDATES}'",
    "alarms": f"topic = '{ANOMALIES}'",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may wait: so many bytes, and nothing older than so many milliseconds."""

    bytes: int
    age: int

    def keep(self, store: AgentStore, now: int) -> dict[str, int]:
        """Remove what is too old and too much, within a commit; returns how many of what."""
        dropped = dict.fromkeys(ORDER, 0)
        for what, topic in (("updates", LOCAL_UPDATES), ("alarms", ANOMALIES)):
            dropped[what] += store.drop("topic = ? AND made < ?", (topic, now - self.age))
        if store.waiting.bytes > self.bytes:
            for what, condition in ORDER.items():
                dropped[what] += self._make_room(store, condition)
        return {what: count for what, count in dropped.items() if count}

    def _make_room(self, store: AgentStore, condition: str) -> int:
        count, wanted = 0, int(self.bytes * ROOM)
        while store.waiting.bytes > wanted:
            found = store.sequences(condition, STEP)
            if not found:
                break
            for sequence, _ in found:
                count += store.drop("sequence = ?", (sequence,))
                if store.waiting.bytes <= wanted:
                    break
        return count
