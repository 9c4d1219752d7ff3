"""``import flead`` is cheap, and what an optional part needs is said."""

import subprocess
import sys

import pytest

import flead


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_only_what_is_used_is_imported():
    libraries = {"numpy", "numba", "narwhals", "polars", "pandas", "pyarrow"}
    code = f"""
import sys, flead
print(*{libraries} & sys.modules.keys())
flead.Detector, flead.score
print(*{{'polars', 'pandas', 'pyarrow'}} & sys.modules.keys())
"""
    assert run(code) == "\n\n"


def test_a_missing_package_is_named_with_what_to_do():
    code = """
import sys
sys.modules["narwhals"] = None
import flead
try:
    flead.Federation
    flead.Detector
except flead.FleadError as error:
    print(error)
"""
    said = "narwhals is not installed: make setup EXTRA=embedded, or pip install 'flead[embedded]'\n"
    assert run(code) == said


def test_the_public_names_are_there():
    assert set(flead.__all__) <= set(dir(flead))
    for name in flead.__all__:
        assert getattr(flead, name)
    with pytest.raises(AttributeError, match="no attribute 'Detectors'"):
        flead.Detectors  # noqa: B018
