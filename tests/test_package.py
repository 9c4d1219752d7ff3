"""The package: what is in it, and that it runs where there is no checkout."""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests import commands
from tests.test_optional_parts import assert_each_says_what_to_install

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def run(*command: str | Path, cwd: Path) -> str:
    """What the command prints, without this environment's settings and path of modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLEAD_", "PYTHON", "NUMBA_"))}
    environment = kept | {"FLEAD_DATABASE_PORT": "0"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the sdist that it was made from."""
    pytest.importorskip("hatch_vcs", reason="what builds the package is not installed: make setup")
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", directory, ROOT, cwd=directory)
    return directory


def test_the_package_holds_the_sources_and_no_data(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
    assert not [name for name in names if name.endswith((".csv", ".parquet", ".jar", ".pyc"))]
    top = {name.partition("/")[0] for name in names}
    assert top == {"src", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"}
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        inside = set(wheel.namelist())
    sources = {path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {str(path.relative_to(ROOT / "src")) for path in sources} <= inside
    assert "flead/py.typed" in inside


def test_the_wheel_runs_outside_a_checkout(built: Path, tmp_path: Path) -> None:
    wheel = next(built.glob("*.whl"))
    venv, here = tmp_path / "venv", tmp_path / "empty"
    here.mkdir()
    run(sys.executable, "-m", "venv", venv, cwd=here)
    python, flead = venv / "bin" / "python", venv / "bin" / "flead"
    # The pinned versions, without their hashes, which pip would ask of the wheel too.
    pins = re.findall(r"^[a-z0-9-]+==[^\\\n]+", (ROOT / "requirements" / "embedded.txt").read_text(), re.MULTILINE)
    (tmp_path / "pins").write_text("\n".join(pins))
    install = (python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--constraint", tmp_path / "pins")

    run(*install, wheel, cwd=here)
    assert run(flead, "--version", cwd=here).strip() == wheel.name.split("-")[1]
    assert_each_says_what_to_install(run(python, commands.__file__, cwd=here))

    run(*install, f"{wheel}[embedded]", cwd=here)
    assert "doctor" in run(flead, "--help", cwd=here)
    examined = json.loads(run(flead, "doctor", "--json", cwd=here))
    assert examined["ok"], examined
    summary = json.loads(run(flead, "run", "--readings", "20000", "--no-web", "--json", cwd=here))
    assert summary["readings"] == 20000
    run(flead, "export", "store", cwd=here)
    assert (here / "store" / "signal.parquet").is_file()
