"""What a source that cannot be read at all raises."""

from flead.errors import FleadError


class SourceError(FleadError, ValueError):
    """A source of readings that cannot be used: one line that says what, where and what to do."""
