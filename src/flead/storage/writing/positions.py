"""How far a partition of a topic has been taken into the store: moved in the transaction of the rows that came of it.

Whoever takes in messages begins at the position that is stored, and moves it from there with its rows. If somebody
else has moved it meanwhile - the same work begun twice, by a process that was thought dead - nothing is written.
"""

from typing import Any

import msgspec
from psycopg import Connection, Cursor


class Position(msgspec.Struct, frozen=True):
    """Where a partition goes on."""

    topic: str
    """Kafka's own identifier of the topic: one that is made anew has another, and begins anew."""
    offset: int
    arrived: int = 0
    """When the last message came onto the bus, in milliseconds since the epoch."""

    def start(self, topic: str) -> int:
        """The first offset of this topic that is not in the store."""
        return self.offset if self.topic == topic else 0


NOWHERE = Position("", 0)


class MovedError(Exception):
    """Somebody else has taken in these messages."""


def position(connection: Connection[Any], key: str) -> Position:
    """The stored position; ``NOWHERE`` if there is none."""
    with connection.cursor(binary=True) as cursor:
        found = cursor.execute("SELECT value FROM pipeline_state WHERE key = %s", (key,)).fetchone()
    return msgspec.msgpack.decode(found[0], type=Position) if found else NOWHERE


def move(cursor: Cursor[Any], key: str, before: Position, after: Position) -> None:
    """Move the position, in the caller's transaction; MovedError if it is not where it was ``before``."""
    old, new = msgspec.msgpack.encode(before), msgspec.msgpack.encode(after)
    if before == NOWHERE:
        cursor.execute("INSERT INTO pipeline_state (key, value) VALUES (%s, %b) ON CONFLICT DO NOTHING", (key, new))
    else:
        cursor.execute("UPDATE pipeline_state SET value = %b WHERE key = %s AND value = %b", (new, key, old))
    if cursor.rowcount != 1:
        raise MovedError(f"{key} is not at {before.offset} any more")
