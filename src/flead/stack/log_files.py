"""The services' logs: rotated while they are written, and read back."""

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from flead.layout import Layout
from flead.settings import Settings
from flead.stack.errors import StackError

MAX_BYTES = 10_000_000
KEPT = 3
"""Older logs: NAME.log.1 is the newest of them."""
LOOK_SECONDS = 0.3


def rotate(log: Path, max_bytes: int = MAX_BYTES) -> None:
    """Rotate a service's log if it has grown too large.

    The file is copied and truncated, so the service keeps it open, need not know, and is independent of the supervisor.
    It appends, so it continues at the new end; a line written between copying and truncating is lost.
    """
    if not log.exists() or log.stat().st_size <= max_bytes:
        return
    for number in range(KEPT, 1, -1):
        older = log.with_name(f"{log.name}.{number - 1}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number}"))
    log.with_name(f"{log.name}.1").write_bytes(log.read_bytes())
    with log.open("r+b") as file:
        file.truncate(0)


def read(settings: Settings, service: str, lines: int = 100, follow: bool = False) -> Iterator[str]:
    """The last lines of a service's log; with ``follow`` also new ones, until the caller stops iterating.

    Raises StackError if there is no such log.
    """
    log = Layout.of(settings).log(service)
    if not log.exists():
        known = sorted(found.stem for found in log.parent.glob("*.log"))
        hint = f"there are {', '.join(known)}" if known else "flead up starts the platform"
        raise StackError(f"{service} has no log in {log.parent}: {hint}")
    return _lines(log, lines, follow)


def _lines(log: Path, lines: int, follow: bool) -> Iterator[str]:
    with log.open(errors="replace") as file:
        yield from deque((line.rstrip("\n") for line in file), maxlen=lines)
        unfinished = ""
        while follow:
            if log.stat().st_size < file.tell():  # rotated
                file.seek(0)
            text = file.readline()
            if not text:
                time.sleep(LOOK_SECONDS)
            elif text.endswith("\n"):
                yield unfinished + text.rstrip("\n")
                unfinished = ""
            else:
                unfinished += text
