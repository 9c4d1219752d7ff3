"""``python -m flead.stack fetch`` gets ready what a first start would wait for; ``lock`` pins the newest jars that fit.

What is fetched are jars; the kernels are compiled.
"""

import sys
from importlib import import_module

from flead import settings
from flead.errors import FleadError
from flead.stack import jars
from flead.stack.layout import Layout

WITH_KERNELS = (
    "flead.codec.encode_readings",
    "flead.federation.rounds",
    "flead.ingest.sources",
    "flead.platform.collector.intake",
    "flead.shard.shard",
)
"""Modules that, with what they import, have all kernels of the services: they are compiled when they are imported."""


def main(what: str) -> None:
    """Do ``what`` is asked for: fetch or lock."""
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
