"""Readings on standard input, a line each (NDJSON), as they come."""

import os
import threading

from flead.agent.mailbox import Mailbox
from flead.codec.decode import Decoder
from flead.columns import Chunk, Devices

READ = 1 << 16
"""Bytes at a time, at most; a line that is longer than ``LONGEST`` is cut, and is no reading."""
LONGEST = 1 << 20
ROOM = 64


class LineSource:
    """The lines of a file or pipe. What was read before the agent stopped is gone: a pipe has no position."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        self._texts: Mailbox[bytes] = Mailbox(ROOM)
        self._ended = threading.Event()

    def open(self, devices: Devices, position: dict[str, int] | None) -> None:
        """Begin to read, in a thread of its own."""
        del position
        self._decoder = Decoder(devices, self.name)
        self._nothing = self._decoder.lines(b"")
        threading.Thread(target=self._read, name="standard input", daemon=True).start()

    def next_batch(self, limit: int, until: int | None) -> Chunk | None:
        """The readings of the lines that have come; a line is never cut, and so ``limit`` may be passed by some."""
        del limit, until
        ended = self._ended.is_set()  # asked first: what came before the end is taken before it
        texts = self._texts.take(1)
        if not texts:
            return None if ended else self._nothing
        return self._decoder.lines(texts[0])

    def start_time(self) -> int:
        """Lines are as old as they say."""
        return 0

    def snapshot(self) -> dict[str, int]:
        """A pipe has no position."""
        return {}

    def total(self) -> int | None:
        """Nobody knows."""
        return None

    def close(self) -> None:
        """Take no more."""
        self._texts.close()

    def _read(self) -> None:
        rest = b""
        while True:
            # Not of the buffered file: the interpreter cannot end while a thread waits in one.
            text = os.read(self._descriptor, READ)
            if not text:
                break
            whole, newline, last = (rest + text).rpartition(b"\n")
            rest = last
            if len(rest) > LONGEST:
                whole, newline, rest = whole + newline + rest, b"\n", b""
            if newline and not self._texts.put(whole + newline):
                return
        if rest:
            self._texts.put(rest)
        self._ended.set()
