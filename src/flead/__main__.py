"""``python -m flead``."""

from flead.cli.app import main

main()
