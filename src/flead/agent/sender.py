"""Sends what waits in the store: in order, a bounded number at a time, never in a burst, and several together.

What is sent alone costs more in topics, signature and acknowledgements than by itself. So alarms go at once and take
with them what waits; updates, which nobody waits for, give an alarm or other updates some time to come.
"""

import time
from collections.abc import Callable

from flead.agent.store import AgentStore, Outgoing
from flead.agent.uplink import News, Uplink
from flead.topics import LOCAL_UPDATES

IN_FLIGHT = 256
"""Records that have been sent and not answered for."""

FIRST_PATIENCE, LONGEST_PATIENCE = 20.0, 300.0
"""Seconds without an answer after which everything is sent again from the oldest on; doubled while nobody answers."""

ENOUGH = 64
"""So many records wait for no more."""

PAUSE = 0.5
"""Seconds between two sendings of fewer."""

GATHER_SECONDS = 30.0
"""So long updates wait for company; half the time in which a device makes one."""


class Sender:
    """Knows what is on its way; everything else is in the store."""

    def __init__(
        self, uplink: Uplink, store: AgentStore, rate: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._uplink = uplink
        self._store = store
        self.rate = rate
        """Records a second."""
        self.gather = GATHER_SECONDS
        """Seconds that updates wait for company."""
        self._clock = clock
        self._was_up = False
        self._sent = 0
        self._on_way: set[int] = set()
        self.answered: set[int] = set()
        """Answered for, but not yet removed from the store: whoever removes them there removes them here."""
        self._allowance = 0.0
        self._filled = clock()
        self._since = clock()
        self._patience = FIRST_PATIENCE
        self._waiting_since: float | None = None
        """When the oldest update that waits for company was seen."""
        self._last = float("-inf")

    def pump(self) -> News:
        """Take what was answered and send what may be sent; returns what has come, every answer once."""
        now, news = self._clock(), self._uplink.news()
        refused = {sequence: news.refused[sequence] for sequence in self._on_way & news.refused.keys()}
        delivered = self._on_way.intersection(news.delivered) - refused.keys()
        if delivered or refused:
            self._on_way -= delivered | refused.keys()
            self.answered |= delivered | refused.keys()
            self._since, self._patience = now, FIRST_PATIENCE
        up = self._uplink.up
        if up and not self._was_up:
            self._since = now
        self._was_up = up
        if up and self._on_way and now - self._since > self._patience:
            self._begin_again(now)
        self._allowance = min(self._allowance + (now - self._filled) * self.rate, max(1.0, self.rate))
        self._filled = now
        if up:
            self._send(now)
        return News(sorted(delivered), refused, news.model)

    def _send(self, now: float) -> None:
        room = min(IN_FLIGHT - len(self._on_way), int(self._allowance))
        if room <= 0:
            return
        waiting = self._store.outgoing(self._sent, room)
        if not self._is_time(waiting, room, now):
            return
        if not self._on_way:
            self._since = now
        self._sent, self._waiting_since, self._last = waiting[-1].sequence, None, now
        unknown = [record for record in waiting if record.sequence not in self.answered]
        if unknown:
            self._uplink.send(unknown)
        self._on_way.update(record.sequence for record in unknown)
        self._allowance -= len(unknown)

    def _is_time(self, waiting: list[Outgoing], room: int, now: float) -> bool:
        if not waiting:
            return False
        if self._waiting_since is None:
            self._waiting_since = now
        if len(waiting) < ENOUGH and now - self._last < PAUSE:
            return False
        urgent = any(record.topic != LOCAL_UPDATES for record in waiting)
        return urgent or len(waiting) >= min(room, ENOUGH) or now - self._waiting_since >= self.gather

    def _begin_again(self, now: float) -> None:
        self._on_way.clear()
        self._sent, self._waiting_since = 0, float("-inf")
        self._since, self._patience = now, min(2 * self._patience, LONGEST_PATIENCE)
