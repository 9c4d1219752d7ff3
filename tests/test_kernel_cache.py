"""Compiled kernels are kept, but never longer than the sources that they come from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import flead

SOURCES = Path(flead.__file__).parent
INNER = "from numba import njit\n\n@njit(cache=True)\ndef inner():\n    return {}\n"
OUTER = "from numba import njit\nfrom flead.inner import inner\n\n@njit(cache=True)\ndef outer():\n    return inner()\n"
WHERE = "import os, flead; print(os.environ.get('NUMBA_CACHE_DIR'))"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of this name with two kernels, one calling the other."""
    package = tmp_path / "site" / "flead"
    package.mkdir(parents=True)
    for name in ("__init__.py", "kernel_cache.py"):
        shutil.copy(SOURCES / name, package)
    (package / "inner.py").write_text(INNER.format(1))
    (package / "outer.py").write_text(OUTER)
    (package / "plain.py").write_text("x = 1\n")
    return package


def run(package: Path, code: str = WHERE, **variables: str) -> str:
    """What a new process prints; a home and a directory for temporary files lie beside the package's."""
    base = package.parent.parent
    environment = {"HOME": str(base / "home"), "TMPDIR": str(base / "tmp"), "PATH": os.environ["PATH"]}
    (base / "tmp").mkdir(exist_ok=True)
    environment |= {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=base, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def unwritable(directory: Path) -> None:
    """Put a file where a directory is to be made, which stops root as well."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.write_text("")


def test_kernels_lie_beside_the_sources(package: Path) -> None:
    directory = Path(run(package))
    assert directory.parent == package / "__pycache__"
    assert directory.is_dir()
    assert run(package) == str(directory)


@pytest.mark.parametrize("name", ["inner.py", "outer.py", "new.py"])
def test_an_edit_to_a_file_with_kernels_changes_the_directory(package: Path, name: str) -> None:
    old = Path(run(package))
    with (package / name).open("a") as file:
        file.write("# njit\n")
    new = Path(run(package))
    assert new != old
    assert new.is_dir()
    assert old.is_dir()  # a process that runs the old sources may be about to add to it
    os.utime(old, (0, 0))
    run(package)
    assert not old.exists()


def test_an_edit_to_another_file_does_not(package: Path) -> None:
    old = run(package)
    (package / "plain.py").write_text("x = 2\n")
    assert run(package) == old


@pytest.mark.real
def test_a_kernel_that_a_kernel_calls_is_not_left_behind(package: Path) -> None:
    call = "import flead.outer; print(flead.outer.outer())"
    assert run(package, call) == "1"
    (package / "inner.py").write_text(INNER.format(2))
    assert run(package, call) == "2"


def test_a_directory_that_the_user_chose_stays(package: Path) -> None:
    assert run(package, NUMBA_CACHE_DIR="elsewhere") == "elsewhere"
    assert not (package / "__pycache__").exists()


def test_where_the_package_cannot_be_written_the_users_cache_is_taken(package: Path) -> None:
    unwritable(package / "__pycache__")
    base = package.parent.parent
    assert Path(run(package)).parent == base / "home" / ".cache" / "flead"
    assert Path(run(package, XDG_CACHE_HOME=str(base / "cache"))).parent == base / "cache" / "flead"


def test_where_there_is_no_home_either_temporary_files_are(package: Path) -> None:
    unwritable(package / "__pycache__")
    unwritable(package.parent.parent / "home")
    directory = Path(run(package))
    assert directory.parent.parent == package.parent.parent / "tmp"
    assert directory.is_dir()
    # "~" is what a user without a home has for one.
    assert Path(run(package, HOME="~")).parent == directory.parent
    assert not (package.parent.parent / "~").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_is_not_trusted(package: Path) -> None:
    unwritable(package / "__pycache__")
    planted = Path(run(package))
    os.chown(planted, 12345, 12345)
    assert Path(run(package)).parent != planted.parent
    os.chown(planted, 0, 0)
    os.chown(planted.parent, 12345, 12345)
    assert Path(run(package)).parent != planted.parent


def test_without_any_place_it_starts_all_the_same(package: Path) -> None:
    base = package.parent.parent
    for directory in (package / "__pycache__", base / "home", base / "tmp" / f"flead-{os.getuid()}"):
        unwritable(directory)
    assert run(package) == "None"
