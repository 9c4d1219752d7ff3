"""What an agent keeps on disk: its shard's state, how far its source was read, and what waits to be sent.

One SQLite file. A second's readings change all of it in one transaction, which is on the disk before anything of it is
sent: whatever is killed, the versions that others have seen are versions that the agent remembers having made.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from flead.agent.errors import AgentError
from flead.records import Rejected
from flead.topics import LOCAL_UPDATES

FILE = "agent.db"

MOST_REJECTED = 1000
"""What was no reading is kept up to so many, the newest, and each up to ``REJECTED_BYTES``."""
REJECTED_BYTES = 500

_SCHEMA = f"""
    CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS outbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, device TEXT NOT NULL, made INTEGER NOT NULL,
        record BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS outbox_updates ON outbox (device, sequence) WHERE topic = '{LOCAL_UPDATES}';
    CREATE TABLE IF NOT EXISTS rejected (
        id INTEGER PRIMARY KEY AUTOINCREMENT, seen INTEGER NOT NULL, location TEXT NOT NULL, reason TEXT NOT NULL,
        raw BLOB NOT NULL
    );
"""


class Outgoing(NamedTuple):
    """A record that waits to be sent."""

    sequence: int
    topic: str
    device: str
    record: bytes


class Waiting(msgspec.Struct):
    """What is in the outbox."""

    rows: int = 0
    bytes: int = 0


class Made(NamedTuple):
    """A record that is to be put into the outbox."""

    topic: str
    device: str
    made: int
    """Milliseconds since the epoch, by the clock on the wall."""
    record: bytes


@dataclass(slots=True)
class Change:
    """What a transaction does to the outbox and what lies beside it."""

    made: list[Made] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    """Records that need not be sent again."""
    rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    """What was no reading, and when it came."""
    jump: int = 0
    """By so many milliseconds the clock was set: what waits has not become older by it."""
    forget: str = ""
    """State whose keys begin so goes first."""


class AgentStore:
    """The agent's file; of one thread. Errors of the disk come as ``sqlite3.Error``: see :func:`is_passing`."""

    def __init__(self, directory: Path) -> None:
        """Open the file, or make it. AgentError where that cannot be."""
        self.path = directory / FILE
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            # A commit is on the disk when it returns: what was sent must not be forgotten when power fails.
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "journal_size_limit = 16777216"):
                self._database.execute(f"PRAGMA {pragma}")
            self._database.executescript(_SCHEMA)
            self.waiting = Waiting(*self._one("SELECT count(*), coalesce(sum(length(record)), 0) FROM outbox"))
        except (OSError, sqlite3.Error) as error:
            if hasattr(self, "_database"):
                self._database.close()
            raise AgentError(f"{self.path}: cannot be used as the agent's store: {error}") from None

    def state(self) -> dict[str, bytes]:
        """Everything that was put there with ``commit``."""
        return dict(self._database.execute("SELECT key, value FROM state"))

    def commit(self, change: Change, finish: Callable[["AgentStore"], dict[str, bytes]]) -> None:
        """All of it or, with a ``sqlite3.Error``, nothing. ``finish`` is called last, and says what state to write."""
        before = Waiting(self.waiting.rows, self.waiting.bytes)
        try:
            self._database.execute("BEGIN IMMEDIATE")
            if change.forget:
                self._database.execute(
                    "DELETE FROM state WHERE substr(key, 1, ?) = ?", (len(change.forget), change.forget)
                )
            if change.jump:
                self._database.execute("UPDATE outbox SET made = made + ?", (change.jump,))
            self._remove("sequence = ?", ((sequence,) for sequence in change.answered))
            self._database.executemany(
                "INSERT INTO outbox (topic, device, made, record) VALUES (?, ?, ?, ?)", change.made
            )
            self.waiting.rows += len(change.made)
            self.waiting.bytes += sum(len(one.record) for one in change.made)
            self._add_rejected(change.rejected)
            self._database.executemany(
                "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                finish(self).items(),
            )
            self._database.execute("COMMIT")
        except BaseException:
            self.waiting = before
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def outgoing(self, after: int, limit: int) -> list[Outgoing]:
        """What waits behind this sequence number, in order."""
        found = self._database.execute(
            "SELECT sequence, topic, device, record FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, limit),
        )
        return [Outgoing(*row) for row in found]

    def drop(self, condition: str, values: tuple[object, ...]) -> int:
        """Remove from the outbox, within a commit; returns how many."""
        return self._remove(condition, [values])

    def sequences(self, condition: str, limit: int) -> list[tuple[int, int]]:
        """Sequence number and size of the oldest records for which this holds."""
        return self._database.execute(
            f"SELECT sequence, length(record) FROM outbox AS o WHERE {condition} ORDER BY sequence LIMIT ?", (limit,)
        ).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _add_rejected(self, rejected: Sequence[tuple[int, Rejected]]) -> None:
        if rejected:
            rows = [
                (seen, one.location, one.reason, one.raw[:REJECTED_BYTES]) for seen, one in rejected[-MOST_REJECTED:]
            ]
            self._database.executemany("INSERT INTO rejected (seen, location, reason, raw) VALUES (?, ?, ?, ?)", rows)
            self._database.execute(
                "DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?", (MOST_REJECTED,)
            )

    def _remove(self, condition: str, values: Iterable[tuple[object, ...]]) -> int:
        count = 0
        for each in values:
            removed = self._database.execute(f"DELETE FROM outbox WHERE {condition} RETURNING length(record)", each)
            sizes = [size for (size,) in removed]
            count += len(sizes)
            self.waiting.rows -= len(sizes)
            self.waiting.bytes -= sum(sizes)
        return count

    def _one(self, query: str) -> Any:
        return self._database.execute(query).fetchone()


def is_passing(error: sqlite3.Error) -> bool:
    """Whether this may be over some time: the disk is full or does not answer, or another process holds the file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN)
