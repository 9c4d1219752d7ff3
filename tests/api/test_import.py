"""``import flead`` is cheap, and what an optional part needs is said."""

import subprocess
import sys

import pytest

import flead


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import flead, sys; print(*{'numpy', 'numba', 'narwhals', 'polars', 'pandas', 'pyarrow'} & sys.modules.keys())"
    )
    assert run(code).split() == []


def test_a_detector_imports_no_library_of_frames():
    code = (
        "import flead, sys; flead.Detector; flead.score; print(*{'polars', 'pandas', 'pyarrow'} & sys.modules.keys())"
    )
    assert run(code).split() == []


@pytest.mark.parametrize("missing", ["narwhals", "psycopg"])
def test_a_missing_package_is_named_with_what_to_do(missing: str):
    code = f"""
import sys
sys.modules[{missing!r}] = None
import flead
try:
    flead.Detector
except flead.FleadError as error:
    print(error)
"""
    said = f"flead.Detector needs {missing}, which is not installed: pip install 'flead[embedded]'\n"
    assert run(code) == said


def test_the_public_names_are_there():
    assert set(flead.__all__) <= set(dir(flead))
    for name in flead.__all__:
        assert getattr(flead, name)
    with pytest.raises(AttributeError, match="no attribute 'Detectors'"):
        flead.Detectors  # noqa: B018
