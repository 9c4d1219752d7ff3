"""The dashboards' login: a role that can only read."""

from typing import Any, LiteralString

from psycopg import Connection, errors, sql

from flead.errors import FleadError

READER = "flead_reader"
"""The role's name. Its rights come from flead_read, to which the migrations grant every table."""

SETTINGS: dict[LiteralString, str] = {
    "default_transaction_read_only": "on",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "1min",
    "timezone": "UTC",
}
"""Settings of its sessions: an overlong query of a dashboard fails, so that the server is free again."""


class ReaderError(FleadError):
    """The role cannot be created."""


def let_reader_in(connection: Connection[Any], password: str) -> None:
    """Create the role if it is missing, and give it this password and ``SETTINGS``; the schema must be there.

    Raises :class:`ReaderError` where the connection's user may not create roles.
    """
    name = sql.Identifier(READER)
    secret = connection.pgconn.encrypt_password(password.encode(), READER.encode(), b"scram-sha-256").decode()
    try:
        with connection.transaction():
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (READER,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(secret)))
            connection.execute(sql.SQL("GRANT flead_read TO {}").format(name))
            for setting, value in SETTINGS.items():
                statement = sql.SQL("ALTER ROLE {} SET {} = {}")
                connection.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))
    except (errors.InsufficientPrivilege, errors.UndefinedObject) as error:
        raise ReaderError(
            f"the dashboards' role {READER} cannot be created ({str(error).splitlines()[0]}): let the database's"
            f" administrator CREATE ROLE flead_read, CREATE ROLE {READER} LOGIN, and grant the first to the second"
        ) from None
