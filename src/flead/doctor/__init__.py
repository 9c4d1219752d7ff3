"""Looks at the machine and says what stands in the way of ``flead run`` and of the platform, and what to do.

It needs nothing but the base install, since it is most wanted where something is missing.
"""

from collections.abc import Callable

from flead.doctor import machine, parts, programs, store
from flead.doctor.finding import Finding, problem
from flead.settings import Settings

__all__ = ["Finding", "examine"]

CHECKS: dict[str, Callable[[Settings], Finding]] = {
    "python": programs.python,
    "kernels": programs.kernels,
    "parts": parts.parts,
    "data directory": store.data_directory,
    "database": store.database,
    "ports": store.ports,
    "disk": machine.disk,
    "memory": machine.memory,
    "clock": machine.clock,
    "libpython": programs.libpython,
    "java": programs.java,
    "docker": programs.docker,
}


def examine(settings: Settings) -> dict[str, Finding]:
    """What each check finds, by its name. A check that fails itself is a problem, too: it hides what it was to see."""
    return {name: _carried_out(check, settings) for name, check in CHECKS.items()}


def _carried_out(check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except Exception as error:  # the others still say what they see
        return problem(f"cannot be looked at: {type(error).__name__}: {error}", "report this as a defect of flead")
