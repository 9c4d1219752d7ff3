"""``python -m flead.stack fetch`` prepares what a first start would wait for; ``lock`` pins the newest matching jars.

It downloads jars and compiles kernels.
"""

import sys
from importlib import import_module

from flead import settings
from flead.errors import FleadError
from flead.layout import Layout
from flead.stack import jars

WITH_KERNELS = (
    "flead.codec.encode_readings",
    "flead.federation.rounds",
    "flead.ingest.sources",
    "flead.platform.collector.intake",
    "flead.shard.shard",
)
"""Modules that, with their imports, contain all kernels of the services: importing compiles them."""


def main(what: str) -> None:
    """Run the command ``what``: fetch or lock."""
    if what == "lock":
        jars.lock()
        return
    directory = Layout.of(settings.load()[0]).cache
    for part in jars.WANTED:
        jars.fetch(part, directory, print)
    for module in WITH_KERNELS:
        import_module(module)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except FleadError as error:
        sys.exit(str(error))
