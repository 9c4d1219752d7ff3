"""The viewer as a server: it takes its port at once, serves until it is stopped, and leaves nothing behind.

Importing this module is cheap; NiceGUI, which takes a second, is imported by :meth:`Viewer.run`.
"""

import errno
import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from flead.bus.clients import kafka_options
from flead.dashboard.loopback import LOOPBACK
from flead.errors import FleadError
from flead.settings import Settings


class ViewerError(FleadError):
    """The viewer cannot be started: the message says why and what to do."""


class Viewer:
    """The web viewer of one store.

    >>> viewer = Viewer(settings, server.connection())  # doctest: +SKIP
    >>> viewer.run(on_ready=print)  # until viewer.stop() is called in another thread   # doctest: +SKIP
    http://127.0.0.1:8082

    ``connection`` holds the arguments of ``psycopg.connect``. With ``platform`` there is a Kafka to look at and to ask
    for things, and ``streams_port`` answers too. On any address but loopback a password must be set. The port is taken
    here, so that a used one is known before anything else starts, and a browser that comes early waits instead of
    failing; raises :class:`ViewerError`.
    A process has one viewer at a time, since NiceGUI has one application a process.
    """

    def __init__(self, settings: Settings, connection: Mapping[str, Any], platform: bool = False) -> None:
        if settings.web_host not in LOOPBACK and settings.web_password is None:
            raise ViewerError(
                f"the viewer would be open to anyone who can reach {settings.web_host!r}: set web_password"
                " (FLEAD_WEB_PASSWORD), or leave web_host (FLEAD_WEB_HOST) at 127.0.0.1"
            )
        self._settings = settings
        self._platform = platform
        self._connection = connection
        self._stopped = False
        self._stop_server: Callable[[], None] = lambda: None
        self._sockets = [_listen(settings.web_host, settings.web_port)]
        self.port: int = self._sockets[0].getsockname()[1]
        if platform:
            self._listen_for_streams()

    @property
    def url(self) -> str:
        """The address to open in a browser."""
        host = self._settings.web_host
        shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}"

    def run(self, on_ready: Callable[[str], None] | None = None) -> None:
        """Serve until :meth:`stop`; ``on_ready`` gets the address once pages are served.

        Signals stay the caller's: in the main thread a Ctrl-C raises KeyboardInterrupt here unless it is handled.
        """
        import uvicorn

        from flead.dashboard.application import build
        from flead.dashboard.site import Site
        from flead.dashboard.store_client import StoreClient
        from flead.dashboard.streams import Streams
        from flead.dashboard.webhook import Deliveries, Webhook

        store = StoreClient(self._connection)
        webhook = Webhook(self._settings) if self._settings.webhook_url is not None else None
        deliveries = Deliveries(webhook, self._connection) if webhook is not None else None
        streams = Streams(kafka_options(self._settings)) if self._platform else None
        url = self.url

        class Server(uvicorn.Server):
            def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
                return nullcontext()

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if on_ready and self.started:
                    on_ready(url)

        config = uvicorn.Config(
            build(Site(store, self._settings, webhook, streams)),
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            lifespan="on",
        )
        server = Server(config)
        self._stop_server = lambda: setattr(server, "should_exit", True)
        try:
            if not self._stopped:
                if deliveries is not None:
                    deliveries.start()
                server.run(self._sockets)
        finally:
            for each in self._sockets:
                each.close()
            if deliveries is not None:
                deliveries.stop()
            if streams is not None:
                streams.close()
            store.close()

    def _listen_for_streams(self) -> None:
        """Take the second port; its being used is no reason not to serve the pages on the first."""
        try:
            self._sockets.append(_listen(self._settings.web_host, self._settings.streams_port))
        except ViewerError as error:
            logging.getLogger("flead").warning("the Streams page gets no port of its own: %s", error)

    def stop(self) -> None:
        """Stop serving; from any thread, at any time, also before :meth:`run`. ``run`` then returns."""
        self._stopped = True
        self._stop_server()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ViewerError(
            f"the viewer cannot listen on {host!r} ({error.strerror}): set web_host (FLEAD_WEB_HOST)"
            " to an address of this machine"
        ) from None
    try:
        if os.name == "posix":  # elsewhere it would let two processes share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ViewerError(
                f"the viewer's port {port} is in use on {host}: stop what uses it, or choose another with web_port"
                " (FLEAD_WEB_PORT); 0 takes a free one"
            ) from None
        raise ViewerError(
            f"the viewer cannot listen on {host} port {port} ({error.strerror}): set web_host (FLEAD_WEB_HOST) to an"
            " address of this machine and web_port (FLEAD_WEB_PORT) to a port that you are allowed to use"
        ) from None
    return listener
