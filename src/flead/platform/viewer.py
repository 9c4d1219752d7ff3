"""The viewer as a service of the platform: pages on the platform's store, with its Kafka beside."""

import logging
import threading

import psycopg

from flead.bus.service import Service
from flead.dashboard.viewer import Viewer
from flead.settings import Settings
from flead.storage.server.store import served_store

log = logging.getLogger("flead")


def run(settings: Settings) -> None:
    """``flead service viewer``, until it is told to stop."""
    service = Service("viewer")  # it answers for its health itself, on the port of its pages
    store = served_store(settings)
    viewer = Viewer(settings, store.conninfo, platform=True)
    with service.running():
        # Page requests wait meanwhile.
        service.wait_for("the database", store.migrate, psycopg.OperationalError)
        threading.Thread(target=_stop_with, args=(service, viewer), daemon=True).start()
        viewer.run(on_ready=lambda url: log.info("viewer: %s", url))


def _stop_with(service: Service, viewer: Viewer) -> None:
    service.stopping.wait()
    viewer.stop()
