"""What goes wrong while the platform is started or stopped."""

from flead.errors import FleadError


class StackError(FleadError):
    """The platform cannot be started, stopped or inspected: one line that says what, where and what to do."""
