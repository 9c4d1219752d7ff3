"""The data directory, the database in it, and the ports."""

import os

from flead.doctor.finding import Finding, ok, problem, warning
from flead.doctor.machine import existing
from flead.errors import FleadError
from flead.optional_parts import is_installed
from flead.settings import Settings
from flead.storage.server.binaries import installed_versions, server_user
from flead.storage.server.exclusive import is_free


def data_directory(settings: Settings) -> Finding:
    """Whether we may write there, and whose the database in it is."""
    place = settings.data_dir.expanduser().absolute()
    where = existing(place)
    if not where.is_dir() or not os.access(where, os.W_OK | os.X_OK):
        return problem(f"{where} cannot be written to", "set data_dir (FLEAD_DATA_DIR) to another directory")
    try:
        server_user(place / "postgres")
    except FleadError as error:
        what, _, advice = str(error).partition(": ")
        return problem(what, advice)
    return ok(f"{place}" if place.exists() else f"{place}, which the first run makes")


def database(settings: Settings) -> Finding:
    """Whether the programs are there; and if the database runs, whether it answers."""
    try:
        versions = ", ".join(map(str, sorted(installed_versions())))
    except FleadError as error:
        what, _, advice = str(error).partition(": ")
        return problem(what, advice)
    if not is_installed("psycopg"):
        return ok(f"Postgres {versions}")
    from flead.layout import Layout
    from flead.stack.locks import holder
    from flead.stack.reach import running_store

    run = holder(settings.data_dir.expanduser().absolute() / "lock")
    platform = holder(Layout.of(settings).supervisor_lock)
    if run is None and platform is None:
        return ok(f"Postgres {versions}; not running")
    whose = f"process {run}" if run is not None else "the platform"
    if running_store(settings) is None:
        return warning(f"Postgres {versions}; {whose} uses it, and it does not answer", "look at its log, postgres.log")
    return ok(f"Postgres {versions}; running for {whose}, and it answers")


def ports(settings: Settings) -> Finding:
    """Whether the ports of ``flead run`` are free, and who has them."""
    taken = {
        name: number
        for name in ("web_port", "database_port")
        if (number := getattr(settings, name)) and not is_free(number)
    }
    if not taken:
        return ok(f"{settings.web_port} (web_port) and {settings.database_port} (database_port) are free")
    said = "; ".join(f"{number} ({name}) is in use{_user_of(number)}" for name, number in taken.items())
    if _is_ours(settings):
        return ok(f"{said}; FLEAD runs in this directory")
    if "web_port" in taken:
        return problem(said, "stop what uses it, or set web_port (FLEAD_WEB_PORT) to another")
    return warning(said, "flead run takes another one; for the platform set database_port (FLEAD_DATABASE_PORT)")


def _is_ours(settings: Settings) -> bool:
    """Whether a run or the platform of this data directory is up: then the ports are its own."""
    from flead.layout import Layout
    from flead.stack.locks import holder

    locks = settings.data_dir.expanduser().absolute() / "lock", Layout.of(settings).supervisor_lock
    return any(holder(lock) is not None for lock in locks)


def _user_of(port: int) -> str:
    if not is_installed("psutil"):
        return ""
    from flead.stack.preflight import user_of

    return user_of(port)
