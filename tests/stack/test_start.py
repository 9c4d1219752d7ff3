"""START.sh and STOP.sh as somebody runs them; the batch files, which nothing here can run, say the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flead.stack.access import access_points
from flead.stack.compose import container_settings
from flead.stack.processes import marked
from flead.stack.services import environment
from tests.platform_fixtures import platform_settings, require_platform

ROOT = Path(__file__).parents[2]


def run(name: str, *arguments: str, told: dict[str, str]) -> str:
    done = subprocess.run(
        [str(ROOT / name), *arguments], env=told, cwd="/", capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.real
@pytest.mark.timeout(400)
def test_start_brings_up_what_is_named_and_stop_leaves_nothing(tmp_path: Path) -> None:
    require_platform()
    settings = platform_settings(tmp_path / "data")
    engineless = tmp_path / "docker"
    engineless.write_text("#!/bin/sh\nexit 1\n")
    engineless.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    told = os.environ | environment(settings) | {"PATH": path, "VENV": sys.prefix}
    told.pop("FLEAD_STACK")
    try:
        said = run("START.sh", "viewer", told=told)
        assert f"viewer:   http://127.0.0.1:{settings.web_port}" in said.splitlines()
        assert f"database: 127.0.0.1:{settings.database_port} (user, database flead)" in said.splitlines()
        assert "the platform is already up" in run("START.sh", "viewer", told=told)
    finally:
        said = run("STOP.sh", told=told)
    assert "the platform is down" in said
    assert marked(tmp_path / "data" / "platform") == []
    assert "the platform was already down" in run("STOP.sh", told=told)


def test_with_an_engine_the_containers_are_started_and_stopped(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "$*" >> "$(dirname "$0")/calls"\n')
    docker.chmod(0o755)
    told = {"PATH": f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin", "VENV": str(tmp_path / "none")}
    said = run("START.sh", "viewer", told=told)
    run("STOP.sh", told=told)
    calls = (tmp_path / "calls").read_text().splitlines()
    compose = "compose --project-name flead --file deploy/compose.yaml"
    assert [call for call in calls if " --file " in call] == [
        f"{compose} up --build --detach --wait viewer",
        f"{compose} down --remove-orphans",
    ]
    assert "Grafana:  http://127.0.0.1:3001 (admin, admin)" in said.splitlines()


def test_every_script_names_the_access_points() -> None:
    points = access_points(container_settings(), in_containers=True)
    expected = sorted(re.findall(r"127\.0\.0\.1:\d+", " ".join(points)))
    for name in "START.sh", "START.bat":
        assert sorted(re.findall(r"127\.0\.0\.1:\d+", (ROOT / name).read_text())) == expected, name


@pytest.mark.parametrize("name", ["START.bat", "STOP.bat"])
def test_batch_files_end_their_lines_as_windows_wants_and_call_compose_alike(name: str) -> None:
    text = (ROOT / name).read_bytes()
    assert text.count(b"\r\n") == text.count(b"\n")
    shell = (ROOT / name.replace(".bat", ".sh")).read_text()
    (command,) = re.findall(r"docker compose --project-name [^&\r\n]*[^&\r\n ]", text.decode())
    assert command in shell.replace(' "$@"', "")
