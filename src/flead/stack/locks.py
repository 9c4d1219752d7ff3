"""Locks that cannot become stale: the operating system releases them when their holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from flead.stack.errors import StackError


class Lock:
    """A file locked by this process and by the children that it forks, until they end."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def acquire(cls, path: Path, patience: float = 0.0) -> Self | None:
        """The lock, or None if another process still holds it after ``patience`` seconds."""
        file = path.open("a+")
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    file.close()
                    return None
                time.sleep(0.05)
            else:
                return cls(file)

    def write_pid(self) -> None:
        """Write down who holds it."""
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Release it."""
        self._file.close()


def holder(path: Path) -> int | None:
    """The process id of the holder; 0 if it has not been written yet, None if the lock is free."""
    if not path.exists():
        return None
    lock = Lock.acquire(path)
    if lock is not None:
        lock.release()
        return None
    text = path.read_text().strip()
    return int(text) if text.isdigit() else 0


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Take a lock, which must be free: only one command at a time changes a platform."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock.acquire(path)
    except OSError as error:
        raise StackError(
            f"cannot write to {path.parent} ({error.strerror}): set data_dir (FLEAD_DATA_DIR) to another directory"
        ) from None
    if lock is None:
        raise StackError(f"another flead up or flead down is running in {path.parent}: wait until it has finished")
    try:
        yield
    finally:
        lock.release()
