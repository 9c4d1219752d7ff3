"""Sends what waits in the store: in order, a bounded number at a time, never in a burst."""

import time
from collections.abc import Callable

from flead.agent.store import Store
from flead.agent.uplink import News, Uplink

IN_FLIGHT = 256
"""Records that have been sent and not answered for."""

FIRST_PATIENCE, LONGEST_PATIENCE = 20.0, 300.0
"""Seconds without an answer after which everything is sent again from the oldest on; doubled while nobody answers."""


class Sender:
    """Knows what is on its way; everything else is in the store."""

    def __init__(self, uplink: Uplink, store: Store, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._uplink = uplink
        self._store = store
        self.rate = rate
        """Records a second."""
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
        if not self._on_way:
            self._since = now
        for record in self._store.outgoing(self._sent, room):
            self._sent = record.sequence
            if record.sequence not in self.answered:
                self._uplink.send(record)
                self._on_way.add(record.sequence)
                self._allowance -= 1

    def _begin_again(self, now: float) -> None:
        self._on_way.clear()
        self._sent = 0
        self._since, self._patience = now, min(2 * self._patience, LONGEST_PATIENCE)
