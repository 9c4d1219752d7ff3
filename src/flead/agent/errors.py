"""The error of this part."""

from flead.errors import FleadError


class AgentError(FleadError):
    """An address, a source or a store that an agent cannot work with: which, why, and what to do."""
