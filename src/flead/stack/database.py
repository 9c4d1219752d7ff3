"""The embedded Postgres as a service of its own: ``python -m flead.stack.database`` until SIGTERM."""

import signal
import sys
import threading

from flead import settings
from flead.errors import FleadError
from flead.layout import Layout
from flead.stack.errors import StackError
from flead.storage.server.embedded_postgres import EmbeddedPostgres


def run(chosen: settings.Settings) -> None:
    """Serve the platform's database on its port until SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda number, frame: stopping.set())
    password = chosen.database_password.get_secret_value()
    with EmbeddedPostgres(Layout.of(chosen).database, chosen.database_port, password) as server:
        if server.port != chosen.database_port:
            raise StackError(
                f"port {chosen.database_port} is in use, but the platform's database needs it: stop what uses it, or"
                " set database_port (FLEAD_DATABASE_PORT)"
            )
        print(f"the database is listening on port {server.port}", flush=True)  # noqa: T201 - its log
        stopping.wait()


if __name__ == "__main__":
    try:
        run(settings.load()[0])
    except FleadError as error:
        sys.exit(str(error))
