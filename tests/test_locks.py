"""What requirements/ pins can be installed by pip alone: its resolver is asked, and afterwards `pip check`."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

LOCKS = Path(__file__).parent.parent / "requirements"
WITHOUT_DEPENDENCIES = {"platform.txt": "Flink and Spark ask for different releases of py4j"}
"""Locks that are installed with ``--no-deps``, which the resolver is not asked about, and why."""
KNOWN = {"pyspark 4.0.0 has requirement py4j==0.10.9.9, but you have py4j 0.10.9.7."}
"""What `pip check` says of the platform's environment: Spark runs on Flink's py4j, see tests/platform/spark."""


def pip(*arguments: str) -> "subprocess.CompletedProcess[str]":
    if importlib.util.find_spec("pip") is None:
        pytest.skip("this environment was made by uv and has no pip")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize("lock", sorted(path.name for path in LOCKS.iterdir() if path.name not in WITHOUT_DEPENDENCIES))
def test_pip_takes_the_lock(lock: str) -> None:
    done = pip(
        "install", "--quiet", "--dry-run", "--ignore-installed", "--require-hashes", "--only-binary", ":all:",
        "--requirement", str(LOCKS / lock),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.real
def test_what_is_installed_fits_together() -> None:
    assert set(pip("check").stdout.splitlines()) <= KNOWN | {"No broken requirements found."}
