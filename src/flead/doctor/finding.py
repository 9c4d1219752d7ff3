"""What a check finds."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. A problem stops ``flead run``; a warning does not, or concerns the platform alone."""

    state: Literal["ok", "warning", "problem"]
    detail: str
    advice: str = ""
    """What to do; empty where all is well."""


def ok(detail: str) -> Finding:
    """All is well."""
    return Finding("ok", detail)


def warning(detail: str, advice: str) -> Finding:
    """Something works less well than it could."""
    return Finding("warning", detail, advice)


def problem(detail: str, advice: str) -> Finding:
    """``flead run`` cannot work like this."""
    return Finding("problem", detail, advice)
