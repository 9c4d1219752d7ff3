"""Prepares the platform's database, then ends: ``python -m flead.stack.schema``."""

import sys

import psycopg

from flead import settings
from flead.errors import FleadError
from flead.stack.errors import StackError
from flead.storage.queries.reader import let_reader_in
from flead.storage.server.store import served_store


def prepare(chosen: settings.Settings) -> None:
    """Migrate the schema, and set the password of the dashboards' role."""
    store = served_store(chosen)
    try:
        store.migrate()
        with store.connect() as connection:
            let_reader_in(connection, chosen.reader_password.get_secret_value())
    except psycopg.OperationalError as error:
        raise StackError(f"the database does not respond: {str(error).strip()}") from None


if __name__ == "__main__":
    try:
        prepare(settings.load()[0])
    except FleadError as error:
        sys.exit(str(error))
