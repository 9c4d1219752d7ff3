"""Resources that only one process may use: a data directory and a port."""

import fcntl
import os
import socket
from pathlib import Path
from typing import IO

from flead.storage.server.binaries import PostgresError

HOST = "127.0.0.1"


def lock_directory(data_dir: Path) -> IO[str]:
    """The open lock file of the directory, which is made if it is missing; closing it, or dying, unlocks.

    Raises PostgresError if another process holds the lock or nothing can be written there.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "lock").open("a+")
    except OSError as error:
        raise PostgresError(
            f"cannot write to {data_dir} ({error.strerror}): set data_dir (FLEAD_DATA_DIR) to another directory"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise PostgresError(
            f"another flead (process {holder}) uses {data_dir}: stop it,"
            " or set data_dir (FLEAD_DATA_DIR) to another directory"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return port != 0


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
