"""From a thread that receives to the one that learns: a bounded queue of bytes, which makes the sender wait."""

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Items in their order, at most ``room`` of them."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Item) -> bool:
        """Wait for room; False if the box was closed meanwhile, and the item is not in it."""
        with self._changed:
            while len(self._items) >= self._room and not self._closed:
                self._changed.wait()
            if not self._closed:
                self._items.append(item)
            return not self._closed

    def take(self, most: int) -> list[Item]:
        """Up to so many items, at once."""
        with self._changed:
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            if taken:
                self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Let nobody wait; what is in the box can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)
