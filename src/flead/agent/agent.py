"""The agent: readings through a shard into the store, from the store to the uplink, global models back.

Everything that a second brought - the shard's state, how far the source was read, updates and alarms - becomes one
transaction of the store (:mod:`flead.agent.store`), and only what is in the store is sent.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from flead.agent import memory
from flead.agent.bounds import Bounds
from flead.agent.clock import Ahead, Clock
from flead.agent.errors import AgentError
from flead.agent.figures import Figures, SourceState, added
from flead.agent.learner import SHARD, Learner
from flead.agent.sender import Sender
from flead.agent.store import AgentStore, Change, is_passing
from flead.agent.uplink import Uplink
from flead.columns import Chunk, Source
from flead.records import AgentState, Enrolment, Rejected, to_text
from flead.settings import Settings

BATCH = 8192
POLL_SECONDS = 0.2
"""How long to wait where no reading has come: a short delay for a person, seldom enough to cost little."""
IDLE_SECONDS = 60.0
"""Between two writes of the store while nothing happens."""
WORD_SECONDS = 300.0
"""Between two words on how the agent is; whether it is there at all the broker knows by itself."""
MOST_UNSAVED = 20_000
"""Records that are held in memory while the disk takes none."""
MINUTE = 60_000
UPDATES_A_DEVICE = 8
"""A second, while an agent catches up: the platform refuses more than ``device_updates`` of one device."""

REASON, MOST_TOLD = 60, 500
"""Of a reason so many characters say its kind; so many kinds and names are told of in the log."""

SOURCE, FIGURES = "source", "figures"
"""Keys of the agent's state in the store, beside the shard's."""

log = logging.getLogger("flead")


class Agent:
    """One agent, going on from its store. ``fresh``: it forgets what was learnt, but not how often it has trained."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        live: bool,
        store: AgentStore,
        uplink: Uplink,
        who: Figures,
        *,
        fresh: bool = False,
        clock: Clock | None = None,
    ) -> None:
        stored = store.state()
        self.figures = _figures(stored, who)
        self._source, self._store, self._uplink = source, store, uplink
        self._clock = clock or Clock()
        self._change = Change()
        if fresh:
            self._change.forget = SHARD
            self.figures.first_version, stored = self.figures.newest_version, {}
        self._learner = Learner(settings, self.figures, stored)
        self._sender = Sender(uplink, store, settings.uplink_rate)
        self._bounds = Bounds(int(settings.outbox_megabytes * 1e6), int(settings.outbox_days * 86_400_000))
        self._ahead = Ahead(settings.train_seconds * 1000 + MINUTE) if live else None
        self._store_seconds, self._rate = settings.store_seconds, settings.uplink_rate
        self._identity = f"{settings.source} {settings.channel}"
        self._unsaved: dict[str, bytes] = {}
        self._told: set[str] = set()
        self._introduced: int | None = None
        self._announced = self._written = float("-inf")
        self._trouble = ""
        self._stop = threading.Event()
        source.open(self._learner.shard.devices, self._position(stored))
        self.figures.devices = len(self._learner.shard.devices)

    def stop(self) -> None:
        """End after the batch that is under way; may be called from any thread or signal handler."""
        self._stop.set()

    def run(self, until: Callable[[], int | None]) -> None:
        """Read until the source has ended and everything is delivered, or until :meth:`stop`; then commit."""
        committed, ended, first = time.monotonic(), False, True
        while not self._stop.is_set():
            chunk = None if ended else self._source.next_batch(BATCH, until())
            if chunk is None and not ended:
                ended, self._sender.gather = True, 0.0
                self.commit()
                log.info("the source has ended; %d records wait to be delivered", self._store.waiting.rows)
            self.exchange()
            worked = chunk is not None and bool(chunk.batch.size or chunk.rejected)
            if chunk is not None and worked:
                self.step(chunk)
                if first:
                    log.info("the first readings are scored")
                    memory.give_back()
                    first = False
            if time.monotonic() - committed >= self._store_seconds:
                self.commit()
                committed = time.monotonic()
            if ended and not self._store.waiting.rows and not self._change.made:
                break
            if not worked or chunk is None or chunk.batch.size < BATCH:
                self._stop.wait(POLL_SECONDS)
        self.commit(last=True)
        self._uplink.stop(self._presence("stopped"))

    def step(self, chunk: Chunk) -> None:
        """One chunk's way: judged, learnt from, and put down for the next commit."""
        now = self._clock.now()
        self._change.rejected += [(now, one) for one in chunk.rejected]
        self.figures.rejected += len(chunk.rejected)
        self._tell_rejected(chunk.rejected)
        if chunk.batch.size:
            self._change.made += self._learner.observe(chunk.batch, now)
            if self._ahead is not None:
                self._ahead.see(int(chunk.batch.times.max()))

    def exchange(self) -> None:
        """Send what may be sent, take what has come."""
        self._introduce()
        news = self._sender.pump()
        self._change.answered |= self._sender.answered
        self.figures.delivered += len(news.delivered)
        for reason in news.refused.values():
            if reason not in self.figures.refused:
                log.warning("%s refuses records of this agent: %s", self._uplink.where, reason)
            self.figures.refused = added(self.figures.refused, {reason: 1})
        if news.model is not None:
            wrong = self._learner.adopt(news.model)
            if wrong:
                log.warning("a global model that is none of this learner's: %s", wrong)

    def commit(self, last: bool = False) -> None:
        """Write everything, unless nothing has happened. A disk that is full is told of and tried again."""
        self._heed_clocks()
        change, figures = self._change, self.figures
        idle = not (change.made or change.answered or change.rejected or self._learner.shard.touched.any())
        now = time.monotonic()
        if idle and not last and now - self._written < IDLE_SECONDS and not self._trouble:
            return
        self._unsaved |= self._learner.changed()
        dropped = figures.dropped

        def finish(store: AgentStore) -> dict[str, bytes]:
            figures.dropped = added(dropped, self._bounds.keep(store, self._clock.now()))
            figures.left_out = self._left_out()
            figures.stored, figures.connected = self._clock.now(), self._uplink.up
            source = SourceState(self._identity, self._source.snapshot())
            return self._unsaved | {SOURCE: msgspec.msgpack.encode(source), FIGURES: msgspec.msgpack.encode(figures)}

        try:
            self._store.commit(change, finish)
        except sqlite3.Error as error:
            figures.dropped = dropped
            self._hold(error, last)
            return
        if self._trouble:
            log.info("%s can be written again", self._store.path)
        if figures.dropped != dropped:
            log.warning("the outbox had to drop records; in all so far: %s", _listed(figures.dropped))
        self._trouble, self._written, self._unsaved = "", now, {}
        self._sender.answered -= change.answered
        self._change = Change()

    def _tell_rejected(self, rejected: list[Rejected]) -> None:
        """Name in the log every reason for which something is rejected, once."""
        for one in rejected:
            # Reasons may quote what was sent: what stands before it is the kind.
            kind = one.reason.partition(":")[0][:REASON]
            if kind not in self._told and len(self._told) < MOST_TOLD:
                self._told.add(kind)
                shown = one.raw[:80].decode(errors="replace")
                log.warning("rejected, %s: %s (%s); flead agent status counts them", one.location, one.reason, shown)

    def _left_out(self) -> dict[str, int]:
        """What the source's messages send along that is no reading; named in the log when it comes first."""
        counts: dict[str, int] = getattr(self._source, "left_out", dict)()
        new = [name for name in counts if name not in self._told][: max(0, MOST_TOLD - len(self._told))]
        if new:
            self._told.update(new)
            log.info("left out of what comes, for it is no measurement: %s", ", ".join(new))
        return counts

    def _hold(self, error: sqlite3.Error, last: bool) -> None:
        """What could not be written stays in memory, up to a bound, until the disk takes it."""
        if not is_passing(error):
            raise AgentError(f"{self._store.path}: the agent's store is damaged ({error}): move it away") from error
        if last:
            raise AgentError(
                f"{self._store.path}: the last {len(self._change.made)} records could not be written ({error})"
            ) from error
        if not self._trouble:
            log.error("%s: %s; learning goes on, and is written when that works again", self._store.path, error)
        self._trouble = str(error)
        lost = self._change.made[:-MOST_UNSAVED]
        if lost:
            del self._change.made[:-MOST_UNSAVED]
            self.figures.dropped = added(self.figures.dropped, {"records that the full disk did not take": len(lost)})
        del self._change.rejected[:-MOST_UNSAVED]

    def _heed_clocks(self) -> None:
        jump = self._clock.jumped()
        if jump:
            log.warning("the clock was set %s by %.0f s", "forward" if jump > 0 else "back", abs(jump) / 1000)
            self.figures.clock_jumps += 1
            self._change.jump += jump
            self._change.made = [one._replace(made=one.made + jump) for one in self._change.made]
        if self._ahead is not None:
            shard = self._learner.shard
            earlier = self._ahead.set_back(int(shard.schedule.clock[0]))
            if earlier is not None:
                log.warning(
                    "readings were of %s, and are of %s again: devices train by the earlier time",
                    to_text(int(shard.schedule.clock[0])), to_text(earlier),
                )  # fmt: skip
                shard.set_back(earlier)

    def _introduce(self) -> None:
        """Say who speaks when the connection stands anew or devices have joined, and now and then how the agent is."""
        if not self._uplink.up:
            self._introduced = None
            return
        devices = self._learner.shard.devices
        if self._introduced is None or len(devices) > self._introduced:
            everybody = [devices.id(row) for row in range(len(devices))]
            now = to_text(self._clock.now())
            self._uplink.introduce(Enrolment(self.figures.name, self.figures.public_key, everybody, now))
            self._sender.rate = min(self._rate, UPDATES_A_DEVICE * len(devices) + 1)
            self._announced = float("-inf") if self._introduced is None else self._announced
            self._introduced = len(devices)
        if time.monotonic() - self._announced >= WORD_SECONDS:
            self._announced = time.monotonic()
            self._uplink.announce(self._presence("online"))

    def _presence(self, state: Literal["online", "stopped"]) -> AgentState:
        return AgentState(
            self.figures.name, state, self.figures.devices, self._store.waiting.rows, to_text(self._clock.now())
        )

    def _position(self, stored: dict[str, bytes]) -> dict[str, int] | None:
        if SOURCE not in stored:
            return None
        source = msgspec.msgpack.decode(stored[SOURCE], type=SourceState)
        return source.position if source.identity == self._identity and source.position else None


def _figures(stored: dict[str, bytes], who: Figures) -> Figures:
    """The counts that go on, under the name, key, source and uplink of today."""
    figures = msgspec.msgpack.decode(stored[FIGURES], type=Figures) if FIGURES in stored else Figures()
    for name in ("name", "public_key", "source", "uplink", "learner", "started"):
        setattr(figures, name, getattr(who, name))
    return figures


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())
