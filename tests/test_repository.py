"""What holds of the repository as a whole: its pins, its addresses, the size of its files."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
EMBEDDED = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["embedded"] + GROUPS["build"]
EXTRAS = PROJECT["optional-dependencies"]
PLATFORM = EMBEDDED + EXTRAS["platform"] + EXTRAS["spark"]
EVERYTHING = EMBEDDED + [dependency for extra in EXTRAS.values() for dependency in extra]
SERVICES = EMBEDDED + EXTRAS["services"] + EXTRAS["privacy"]
ASKED_FOR = {
    "embedded.txt": EMBEDDED,
    "services.txt": SERVICES,
    "agent.txt": PROJECT["dependencies"] + EXTRAS["agent"] + GROUPS["build"],
    "dev.txt": EMBEDDED + GROUPS["dev"] + GROUPS["site"],
    "platform.txt": PLATFORM,
}
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PACKAGES = {"pyflink": ["apache-flink"]}
"""What a module is called by pip, for one that may not be installed."""

LONGEST = 400
"""A backstop: a source longer than this has grown by addition, and is to be cut along its ideas."""
LONGER: dict[str, str] = {}
"""Sources that may be longer, and why."""

REGISTRY = re.compile(
    rb"pypi[.]|python[-]?hosted|npm[j]s|crates[.]io|(repo1?|search)[.]maven|(deb|security)[.]debian|archive[.]ubuntu"
    rb"|(?<!emit-)(index|find)-(url|links)"
)
MACHINE_PATH = re.compile(rb"(?<![\w.~-])/(work|root|home|Users)/")


@cache
def tracked() -> list[Path]:
    """The files that git tracks or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listing.returncode:
        pytest.skip(f"not a git checkout: {listing.stderr.decode().strip()}")
    return [path for name in listing.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def found(pattern: re.Pattern[bytes], files: list[Path]) -> list[str]:
    """Where the pattern occurs, as file:line: text."""
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.decode(errors='replace').strip()}"
        for file in files
        for number, line in enumerate(file.read_bytes().splitlines(), 1)
        if pattern.search(line)
    ]


def pins(name: str, python: str = "3.11") -> dict[str, str]:
    """Package to version on this Python; fails where a line is anything but a version with its hashes."""
    wanted = {"python_version": python, "python_full_version": f"{python}.0"}
    text = "\n".join(line for line in (ROOT / "requirements" / name).read_text().splitlines() if "#" not in line)
    versions = {}
    for entry in text.replace("\\\n", " ").splitlines():
        match = re.fullmatch(r"([a-z0-9-]+)==(\S+)( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", entry)
        assert match, f"{name}: {entry[:80]} is not a version with hashes"
        if match[3] is None or Marker(match[3].removeprefix(" ; ")).evaluate(wanted):
            versions[match[1]] = match[2]
    return versions


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ASKED_FOR)
def test_every_dependency_is_pinned_to_a_version_that_pyproject_allows(name: str, python: str) -> None:
    versions = pins(name, python)
    constraints = [Requirement(constraint) for constraint in PYPROJECT["tool"]["uv"]["constraint-dependencies"]]
    for dependency in [Requirement(asked) for asked in ASKED_FOR[name]] + constraints:
        if dependency.marker and not dependency.marker.evaluate({"python_version": python}):
            continue
        version = versions.get(canonicalize_name(dependency.name))
        if version is None and dependency in constraints:
            continue  # it holds back what is asked for, and asks for nothing
        assert version, f"{dependency} is not in requirements/{name}: make lock"
        assert version in dependency.specifier, f"requirements/{name} pins {version}, not {dependency}: make lock"


def test_tests_run_on_the_versions_that_users_get() -> None:
    assert pins("embedded.txt").items() <= pins("dev.txt").items()
    assert pins("embedded.txt").items() <= pins("platform.txt").items()
    assert pins("services.txt").items() <= pins("platform.txt").items()


def test_requirements_name_no_address() -> None:
    assert not found(re.compile(rb"://|@ |^ *-[^-]|^-"), sorted((ROOT / "requirements").iterdir()))


def test_nothing_names_a_package_registry() -> None:
    assert not found(REGISTRY, tracked())


def test_nothing_names_a_path_of_one_machine() -> None:
    assert not found(MACHINE_PATH, tracked())


def test_a_source_file_holds_one_idea() -> None:
    lines = {
        str(file.relative_to(ROOT)): len(file.read_bytes().splitlines())
        for file in tracked()
        if file.suffix == ".py" and file.is_relative_to(ROOT / "src")
    }
    longer = {name for name, count in lines.items() if count > LONGEST}
    assert longer == LONGER.keys()


def imports(folder: str) -> list[tuple[str, str]]:
    """What the sources of a folder import from outside it: top-level module, and where."""
    return [
        (name.split(".")[0], f"{file.relative_to(ROOT)}:{node.lineno} imports {name}")
        for file in tracked()
        if file.suffix == ".py" and file.is_relative_to(ROOT / folder)
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    ]


def test_learning_is_pure() -> None:
    # lint-imports sees to it that learning imports nothing of flead but itself.
    impure = {"asyncio", "datetime", "io", "logging", "os", "pathlib", "random", "socket", "subprocess", "time"}
    allowed = {"flead", "numba", "numpy"} | sys.stdlib_module_names - impure
    assert not [where for name, where in imports("src/flead/learning") if name not in allowed]


@pytest.mark.parametrize(("folder", "asked_for"), [("src", EVERYTHING), ("tests", EVERYTHING + GROUPS["dev"])])
def test_what_is_imported_is_asked_for(folder: str, asked_for: list[str]) -> None:
    distributions = packages_distributions()
    declared = {canonicalize_name(Requirement(dependency).name) for dependency in asked_for}
    ours = {"flead", "tests", "tools", "benchmarks"} | sys.stdlib_module_names
    assert not [
        where
        for name, where in imports(folder)
        if name not in ours
        and declared.isdisjoint(map(canonicalize_name, distributions.get(name, PACKAGES.get(name, [name]))))
    ]


def test_setup_without_a_suitable_python_says_so_in_one_line(tmp_path: Path) -> None:
    command = ["sh", "tools/venv.sh", str(tmp_path / "venv"), "false"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert re.fullmatch(r"No Python 3\.11 to 3\.14 among: false\. .*PYTHON=.*\n", done.stderr)
    assert not (tmp_path / "venv").exists()
