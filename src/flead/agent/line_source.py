"""Readings on standard input, a line each (NDJSON), as they come."""

import os
import threading

from flead.agent.clock import wall
from flead.agent.decoding import Message, MessageDecoder
from flead.agent.limits import Limits
from flead.agent.mailbox import Mailbox
from flead.columns import Chunk, Devices
from flead.messages.reader import NOWHERE, Messages
from flead.messages.settings import rules_of
from flead.settings import Settings

READ = 1 << 16
"""Bytes at a time, at most; a line that is longer than ``LONGEST`` is cut, and is no reading."""
LONGEST = 1 << 20
ROOM = 64
WHOLE = b'{"device_id":'
"""How a line begins that is a reading by its names."""
BLANK = b" \t\r"


class LineSource:
    """The lines of a file or pipe, in any of the shapes that messages have.

    What was read before the agent stopped is gone: a pipe has no position.
    """

    def __init__(self, name: str, descriptor: int, settings: Settings | None = None) -> None:
        self.name = name
        self._messages = Messages(None if settings is None else rules_of(settings))
        self._limits = Limits({} if settings is None else settings.limits)
        self._descriptor = descriptor
        self._texts: Mailbox[bytes] = Mailbox(ROOM)
        self._ended = threading.Event()

    def open(self, devices: Devices, position: dict[str, int] | None) -> None:
        """Begin to read, in a thread of its own."""
        del position
        self._decoder = MessageDecoder(devices, self.name, self._messages, self._limits)
        self._nothing = self._decoder.decode([])
        threading.Thread(target=self._read, name="standard input", daemon=True).start()

    def next_batch(self, limit: int, until: int | None) -> Chunk | None:
        """The readings of the lines that have come; a line is never cut, and so ``limit`` may be passed by some."""
        del limit, until
        ended = self._ended.is_set()  # asked first: what came before the end is taken before it
        texts = self._texts.take(1)
        if not texts:
            return None if ended else self._nothing
        return self._decode(texts[0])

    def times(self) -> dict[str, int]:
        """Under which names messages say their time, and how often; under none where they say none."""
        return self._messages.times()

    def left_out(self) -> dict[str, int]:
        """What lines sent along and was left out, and how often."""
        return self._messages.counts() | self._limits.outside

    def start_time(self) -> int:
        """Lines are as old as they say."""
        return 0

    def snapshot(self) -> dict[str, int]:
        """A pipe has no position."""
        return {}

    def total(self) -> int | None:
        """Unknown: a pipe does not say how much is to come."""
        return None

    def close(self) -> None:
        """Take no more."""
        self._texts.close()

    def _decode(self, text: bytes) -> Chunk:
        # Lines that are all readings by their names are decoded together.
        if text.count(WHOLE) == text.count(b"\n") + (not text.endswith(b"\n")):
            return self._decoder.lines(text)
        lines = text.split(b"\n")
        now = wall()
        first = self._decoder.skip_lines(len(lines) - (not lines[-1]))
        return self._decoder.decode(
            Message(f"line {number}", line, "", NOWHERE, now)
            for number, line in enumerate(lines, first)
            if line.strip(BLANK)
        )

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
