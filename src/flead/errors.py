"""What goes wrong outside the program: in settings, files, ports, databases."""


class FleadError(Exception):
    """One line that says what is wrong, where, and what to do. The command line prints it and exits with 2."""
