"""Says what to install where a package of an optional part is missing, by the metadata of the installed package."""

import importlib.util
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, requires

from flead.errors import FleadError

INSTALL = {
    "embedded": ("embedded", "embedded"),
    "agent": ("agent", "agent"),
    "privacy": ("platform", "embedded,privacy"),
    "platform": ("platform", "embedded,platform"),
    "spark": ("platform", "embedded,platform,spark"),
}
"""The extras that people install: ``make setup EXTRA=`` and ``pip install flead[]`` of each.

Where several bring the same package, the first is named: it is the smallest.
"""
DISTRIBUTIONS = {"paho": "paho-mqtt", "pyflink": "apache-flink"}
"""The packages whose modules have another name."""


def not_installed(error: ModuleNotFoundError) -> FleadError | None:
    """What to tell of this error; None if the module belongs to no optional part, and the error is a defect."""
    module = (error.name or "").partition(".")[0]
    extra = _extra_of(module)
    return None if extra is None else FleadError(f"{module} is not installed: {how_to_install(extra)}")


def need(module: str) -> None:
    """Raise FleadError if this module of an optional part is not installed, before anything else is imported."""
    if not is_installed(module):
        raise not_installed(ModuleNotFoundError(name=module)) or FleadError(f"{module} is not installed")


def is_installed(module: str) -> bool:
    """Whether the module can be found; it is not imported."""
    return importlib.util.find_spec(module) is not None


def how_to_install(extra: str) -> str:
    """The commands that install this extra, in a checkout and with pip."""
    target, extras = INSTALL[extra]
    return f"make setup EXTRA={target}, or pip install 'flead[{extras}]'"


def _extra_of(module: str) -> str | None:
    extras = _extras().get(DISTRIBUTIONS.get(module, module.replace("_", "-").lower()), set())
    return next((extra for extra in INSTALL if extra in extras), None)


@cache
def _extras() -> dict[str, set[str]]:
    """The extras that ask for a package, by its name; none where flead is on the path but not installed."""
    try:
        asked_for = requires("flead") or []
    except PackageNotFoundError:
        return {}
    found: dict[str, set[str]] = {}
    for requirement in asked_for:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()
        found.setdefault(name, set()).update(re.findall(r"extra == ['\"]([\w-]+)['\"]", requirement))
    return found


def missing_packages(extra: str) -> list[str]:
    """The packages of this extra that are not installed."""
    return sorted(name for name, extras in _extras().items() if extra in extras and not _is_there(name))


def _is_there(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
