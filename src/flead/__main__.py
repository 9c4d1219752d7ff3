"""``python -m flead``."""

from flead.cli import main

main()
