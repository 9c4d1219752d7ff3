"""The doctor sees what stands in the way, and says what to do."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flead import doctor
from flead.doctor import machine, store
from flead.settings import Settings


def settings(tmp_path: Path, **values: Any) -> Settings:
    return Settings(**{"data_dir": tmp_path / "data", "web_port": 0, "database_port": 0, **values})


def test_every_check_says_something_and_a_finding_says_what_to_do(tmp_path: Path) -> None:
    found = doctor.examine(settings(tmp_path))
    assert found.keys() == doctor.CHECKS.keys()
    for name, finding in found.items():
        assert len(finding.detail.splitlines()) == 1, name
        assert bool(finding.advice) == (finding.state != "ok"), name


def test_a_port_in_use_is_told_with_its_user_and_its_setting(tmp_path: Path) -> None:
    pytest.importorskip("psutil")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        web = store.ports(settings(tmp_path, web_port=port))
        database = store.ports(settings(tmp_path, database_port=port))
    assert (web.state, database.state) == ("problem", "warning")
    assert f"{port} (web_port) is in use by process {os.getpid()}" in web.detail
    assert "FLEAD_WEB_PORT" in web.advice


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = store.data_directory(settings(tmp_path, data_dir=tmp_path / "file" / "data"))
    assert found.state == "problem"
    assert "FLEAD_DATA_DIR" in found.advice


@pytest.mark.parametrize(("free", "state"), [(499, "problem"), (4_999, "warning"), (5_000, "ok")])
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    usage = type("Usage", (), {"free": free * machine.MEGABYTE})
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage)
    assert machine.disk(settings(tmp_path)).state == state


@pytest.mark.parametrize(("available", "state"), [(499, "problem"), (999, "warning"), (1_000, "ok"), (None, "ok")])
def test_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: int | None, state: str) -> None:
    monkeypatch.setattr(machine, "_available_megabytes", lambda: available)
    assert machine.memory(settings(tmp_path)).state == state


def clocks(wall: list[float], steady: list[float]) -> SimpleNamespace:
    """The module time, with what its clocks show one call after the other."""
    return SimpleNamespace(time=iter(wall).__next__, monotonic=iter(steady).__next__, sleep=lambda seconds: None)


def test_a_clock_that_is_set_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "time", clocks([4e9, 4e9 + 3], [0.0, 0.2]))
    found = machine.clock(settings(tmp_path))
    assert found.state == "warning"
    assert "against the monotonic clock" in found.detail


def test_a_clock_before_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "time", clocks([0.0, 0.2], [0.0, 0.2]))
    assert "before FLEAD was installed" in machine.clock(settings(tmp_path)).detail


def test_a_check_that_fails_is_told_and_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(settings: Settings) -> doctor.Finding:
        raise RuntimeError("oops")

    monkeypatch.setitem(doctor.CHECKS, "disk", fail)
    found = doctor.examine(settings(tmp_path))
    assert found["disk"].state == "problem"
    assert "RuntimeError: oops" in found["disk"].detail
    assert found["python"].state == "ok"


def test_the_command_fails_where_flead_run_would(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = {"FLEAD_WEB_PORT": str(taken.getsockname()[1]), "FLEAD_DATABASE_PORT": "0"}
        command = [sys.executable, "-m", "flead", "doctor"]
        options: dict[str, Any] = {"cwd": tmp_path, "env": os.environ | told, "capture_output": True, "text": True}
        as_json = subprocess.run([*command, "--json"], timeout=60, **options)
        short = subprocess.run([*command, "--short"], timeout=60, **options)
    assert as_json.returncode == short.returncode == 1
    found = json.loads(as_json.stdout)
    assert not found["ok"]
    assert found["checks"]["ports"]["state"] == "problem"
    assert "problem ports: " in short.stdout
    assert not [line for line in short.stdout.splitlines() if line.startswith("ok")]
