"""FLEAD's own services, one in the foreground: what `flead service NAME` runs, here or in the supervisor's care.

Each is imported when it is run: none needs what only the others need.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from flead import optional_parts
from flead.settings import Settings
from flead.stack import spark
from flead.stack.errors import StackError
from flead.stack.flink import client_environment
from flead.stack.layout import Layout
from flead.storage.server.store import served_store

if TYPE_CHECKING:
    from flead.bus.service import Service
    from flead.dashboard.viewer import Viewer


def run(name: str, settings: Settings, once: bool = False) -> None:
    """Run this service until SIGTERM or SIGINT, or until it has done its work ``once``.

    Raises StackError if there is no such service, or none that ends.
    """
    services = ONCE if once else SERVICES
    if once and name in SERVICES and name not in ONCE:
        raise StackError(f"{name} never ends: --once is for {', '.join(ONCE)}")
    if name not in SERVICES:
        raise StackError(f"no such service: {name}; there are {', '.join(SERVICES)}")
    optional_parts.need("confluent_kafka")
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)-5s %(message)s")
    services[name](settings)


def _aggregator(settings: Settings) -> None:
    from flead.bus.service import Service
    from flead.federation.rounds import rounds_of
    from flead.platform.aggregator.service import Aggregator

    service = Service("aggregator", settings.aggregator_port)
    with service.running():
        Aggregator(settings, rounds_of(settings), service).run()


def _collector(settings: Settings) -> None:
    from flead.bus.service import Service
    from flead.platform.collector.service import Collector

    service = Service("collector", settings.collector_port)
    with service.running():
        Collector(settings, served_store(settings), service).run()


def _producer(settings: Settings) -> None:
    from flead.bus.service import Service
    from flead.platform.producer import ReadingsProducer

    service = Service("producer", settings.producer_port)
    with service.running():
        ReadingsProducer(settings, Layout.of(settings).root / "producer.json", service).run()
        service.stopping.wait()  # a service that ended would be started again


def _training(settings: Settings) -> None:
    from flead.platform.training.service import run as train

    layout = Layout.of(settings)
    train(settings, layout.flink, client_environment(layout))


def _evaluation(settings: Settings) -> None:
    from flead.platform.evaluation.service import run as evaluate

    _use_spark(settings)
    evaluate(settings, Layout.of(settings).spark / "checkpoints")


def _analytics(settings: Settings) -> None:
    from flead.platform.analytics.service import run as analyse

    analyse(settings)


def _analytics_once(settings: Settings) -> None:
    from flead.platform.analytics.run import once

    _use_spark(settings)
    once(settings, Layout.of(settings).spark / "checkpoints")


def _use_spark(settings: Settings) -> None:
    layout = Layout.of(settings)
    if not (layout.spark / "conf").is_dir():
        raise StackError("Spark is not set up here: flead up does it")
    os.environ.update(spark.environment(settings, layout))


def _gateway(settings: Settings) -> None:
    from flead.bus.service import Service
    from flead.platform.gateway.service import Gateway

    service = Service("gateway", settings.gateway_port)
    with service.running():
        Gateway(settings, service).run()


def _viewer(settings: Settings) -> None:
    import psycopg

    from flead.bus.service import Service
    from flead.dashboard.viewer import Viewer

    service = Service("viewer")  # it answers for its health itself, on the port of its pages
    viewer = Viewer(settings, served_store(settings).conninfo, platform=True)
    with service.running():
        # Pages that are asked for meanwhile wait.
        service.wait_for("the database", served_store(settings).migrate, psycopg.OperationalError)
        threading.Thread(target=_stop_with, args=(service, viewer), daemon=True).start()
        viewer.run(on_ready=lambda url: logging.getLogger("flead").info("viewer: %s", url))


def _stop_with(service: "Service", viewer: "Viewer") -> None:
    service.stopping.wait()
    viewer.stop()


SERVICES: dict[str, Callable[[Settings], None]] = {
    "producer": _producer,
    "training": _training,
    "aggregator": _aggregator,
    "collector": _collector,
    "evaluation": _evaluation,
    "analytics": _analytics,
    "gateway": _gateway,
    "viewer": _viewer,
}

ONCE: dict[str, Callable[[Settings], None]] = {"analytics": _analytics_once}
