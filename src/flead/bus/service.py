"""What every long-running service needs: to be stopped, to wait for its dependencies, and to report its health."""

import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest

from flead.bus.health import HEALTHY, STARTING, Health, waiting_for

Result = TypeVar("Result")

FIRST_WAIT = 0.5
LONGEST_WAIT = 15.0
"""Seconds between two attempts to reach something unavailable: doubled from the first to the longest."""

log = logging.getLogger("flead")


class Stopped(Exception):  # noqa: N818 - not an error
    """The service was told to stop while it waited."""


class Service:
    """The life of one service: ``with service.running():`` it handles signals and reports its health.

    ``/healthz`` answers 200 while ``health`` is good, and 503 with its trouble otherwise; ``/metrics`` is in the text
    format of Prometheus. ``port`` 0 takes a free one; None serves nothing.
    """

    def __init__(self, name: str, port: int | None = None, host: str = "127.0.0.1") -> None:
        self.name = name
        self.metrics = CollectorRegistry()
        self.health = STARTING
        self.stopping = threading.Event()
        self._address = None if port is None else (host, port)
        self.port: int | None = None

    def stop(self) -> None:
        """Ask the service to end; callable from any thread or signal handler."""
        self.stopping.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT as :meth:`stop`, and serve the health page; for the main thread."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        server = self._serve()
        try:
            yield
        except Stopped:
            pass
        finally:
            if server is not None:
                server.shutdown()
                server.server_close()
            for number, handler in before.items():
                signal.signal(number, handler)
        log.info("%s: stopped", self.name)

    def wait_for(
        self, what: str, attempt: Callable[[], Result], expected: type[Exception], then: Health = HEALTHY
    ) -> Result:
        """Retry until it works, logging every failure; raises :class:`Stopped` when told to stop.

        ``then`` is the service's health afterwards: there may be more to wait for.
        """
        wait = FIRST_WAIT
        while True:
            try:
                result = attempt()
            except expected as error:
                reason = str(error).strip().partition("\n")[0]
                self.health = waiting_for(what, reason)
                log.warning("%s: %s; next attempt in %.1f s", self.name, self.health.trouble, wait)
                if self.stopping.wait(wait):
                    raise Stopped from None
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                self.health = then
                return result

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stop()

    def _serve(self) -> ThreadingHTTPServer | None:
        if self._address is None:
            return None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/healthz":
                    health = service.health
                    body = json.dumps({"service": service.name, "trouble": health.trouble or ""}).encode()
                    self._answer(200 if health.is_good else 503, "application/json", body)
                elif self.path == "/metrics":
                    self._answer(200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(service.metrics))
                else:
                    self._answer(404, "text/plain", b"try /healthz or /metrics\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """A health check a second is not worth a line each."""

        server = ThreadingHTTPServer(self._address, Handler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, name=f"{self.name} health", daemon=True).start()
        return server
