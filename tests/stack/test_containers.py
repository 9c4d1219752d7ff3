"""Whether containers are used. The engine is a script that notes how it was called: there is none to test with."""

import os
from pathlib import Path

import pytest

from flead.settings import Settings
from flead.stack import StackError, containers

SCRIPT = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
echo "$FLEAD_DEVICES" >> "$(dirname "$0")/devices"
case "$*" in
    "compose version") exit {version} ;;
    info) {info} ;;
    *"ps --all --quiet") cat "$(dirname "$0")/running" ;;
    *" up "*) exit {up} ;;
esac
"""


class Engine:
    """A docker command on PATH."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "running").touch()
        self.be()

    def be(self, version: int = 0, info: str = "exit 0", up: int = 0) -> None:
        (self.directory / "docker").write_text(SCRIPT.format(version=version, info=info, up=up))
        (self.directory / "docker").chmod(0o755)

    def calls(self) -> list[str]:
        file = self.directory / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return Engine(tmp_path)


def test_no_command_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not containers.answer()
    assert not containers.down()


def test_an_engine_that_answers_is_used(engine: Engine) -> None:
    assert containers.answer()
    assert engine.calls() == ["compose version", "info"]


def test_one_without_compose_without_a_daemon_or_one_that_hangs_is_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.be(version=1)
    assert not containers.answer()
    engine.be(info="exit 1")
    assert not containers.answer()
    monkeypatch.setattr(containers, "PATIENCE", 0.3)
    engine.be(info="exec sleep 5")
    assert not containers.answer()


def test_up_hands_over_the_settings_and_waits(engine: Engine) -> None:
    assert containers.up(Settings(devices=17), ["viewer"])
    up = engine.calls()[-1]
    assert up.startswith("compose --project-name flead --file ")
    assert up.endswith("deploy/compose.yaml up --build --detach --wait viewer")
    assert (engine.directory / "devices").read_text().split() == ["17"]
    (engine.directory / "running").write_text("0123\n")
    assert not containers.up(Settings())


def test_what_containers_cannot_do_is_said_before_anything_starts(engine: Engine) -> None:
    with pytest.raises(StackError, match=r"web_port can be changed with --native only"):
        containers.up(Settings(web_port=8083))
    with pytest.raises(StackError, match=r"data = csv:here works with --native only"):
        containers.up(Settings(data="csv:here"))
    assert engine.calls() == []


def test_a_start_that_fails_names_the_other_way(engine: Engine) -> None:
    engine.be(up=1)
    with pytest.raises(StackError, match=r"docker compose up failed; flead up --native runs without"):
        containers.up(Settings())


def test_down_removes_what_is_there(engine: Engine) -> None:
    assert not containers.down()
    (engine.directory / "running").write_text("0123\n")
    assert containers.down()
    assert engine.calls()[-1].endswith("down --remove-orphans")
