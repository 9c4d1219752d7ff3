"""``python -m flead.stack fetch`` downloads the jars before they are needed, ``lock`` pins the newest that fit."""

import sys

from flead import settings
from flead.errors import FleadError
from flead.stack import jars
from flead.stack.layout import Layout


def main(what: str) -> None:
    """Do ``what`` is asked for: fetch or lock."""
    if what == "lock":
        jars.lock()
        return
    directory = Layout.of(settings.load()[0]).cache
    for part in jars.WANTED:
        jars.fetch(part, directory, print)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except FleadError as error:
        sys.exit(str(error))
