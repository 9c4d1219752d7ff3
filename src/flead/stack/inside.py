"""Inside a container, ``python -m flead.stack.inside NAME`` becomes the service: the command that the table gives."""

import os
import sys

from flead import settings
from flead.errors import FleadError
from flead.layout import Layout
from flead.stack import flink, spark
from flead.stack.jars import fetch
from flead.stack.services import environment, services


def become(name: str, chosen: settings.Settings) -> None:
    """Write the service's configuration, and replace this process by it."""
    layout = Layout.of(chosen)
    service = services(chosen)[name]
    if service.image == "flink":
        flink.prepare(chosen, layout, fetch("flink", layout.cache), fetch("kafka", layout.cache))
    if service.image == "spark":
        spark.prepare(chosen, layout, fetch("spark", layout.cache))
    os.execvpe(service.command[0], service.command, os.environ | environment(chosen) | dict(service.environment))


if __name__ == "__main__":
    try:
        become(sys.argv[1], settings.load()[0])
    except FleadError as error:
        sys.exit(str(error))
