"""A service of the platform in the foreground: what ``flead service NAME`` does, by hand or under the supervisor."""

import importlib
import logging
import os
import sys

from flead import optional_parts
from flead.layout import Layout
from flead.platform import ONCE, SERVICES
from flead.settings import Settings
from flead.stack import flink, spark
from flead.stack.errors import StackError

ENGINES = {"training": flink, "evaluation": spark, "analytics": spark}
"""The engines that services submit their work to."""


def run(name: str, settings: Settings, once: bool = False) -> None:
    """Run this service until SIGTERM or SIGINT, or until it has done its work ``once``.

    Raises StackError if there is no such service, if it has no end to reach, or if its engine is not set up.
    """
    if name not in SERVICES:
        raise StackError(f"no such service: {name}; there are {', '.join(SERVICES)}")
    if once and name not in ONCE:
        raise StackError(f"{name} never ends: --once is for {', '.join(ONCE)}")
    optional_parts.need("confluent_kafka")
    if name in ENGINES and not (name == "training" and settings.engine == "kafka"):
        os.environ.update(ENGINES[name].client_environment(settings, Layout.of(settings)))
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)-5s %(message)s")
    importlib.import_module((ONCE if once else SERVICES)[name]).run(settings)
