"""The error of this part."""

from flead.errors import FleadError


class TrustError(FleadError):
    """A key, a certificate or an enrolment that cannot be used: which, and what to do."""
