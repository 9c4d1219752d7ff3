"""The platform in containers (``deploy/compose.yaml``), by the docker command, where a container engine is running."""

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from flead.settings import Settings
from flead.stack.errors import StackError
from flead.stack.services import environment

COMPOSE = Path(__file__).parents[3] / "deploy" / "compose.yaml"
"""In a checkout only."""
PROJECT = "flead"
PATIENCE = 5.0
"""Seconds to wait for the engine; one that is still starting counts as absent."""

Tell = Callable[[str], None]


def answer() -> bool:
    """Whether a container engine with Compose is running, and this is a checkout."""
    return COMPOSE.is_file() and _engine_answers()


def need_a_checkout() -> bool:
    """Whether an engine is running and only the files for it are missing: an installed package has none."""
    return not COMPOSE.is_file() and _engine_answers()


def are_up() -> bool:
    """Whether any container of the platform is there."""
    return answer() and bool(_compose("ps", "--all", "--quiet", told=True).strip())


def up(settings: Settings, only: Sequence[str] | None = None, tell: Tell = lambda line: None) -> bool:
    """Start the platform, or ``only`` these services and what they need, and wait until they are healthy.

    Returns False if part of it was up before. Raises StackError with what containers cannot do, or with the engine's
    last message.
    """
    usual = Settings()
    moved = [name for name, value in settings if name.endswith("_port") and value != getattr(usual, name)]
    if moved:
        raise StackError(f"containers use the default ports: {', '.join(moved)} can be changed with --native only")
    if ":" in settings.data:
        raise StackError(f"containers cannot see this machine's files: data = {settings.data} works with --native only")
    before = are_up()
    tell("starting containers; the first start builds two images and downloads five, which takes a few minutes")
    _compose("up", "--build", "--detach", "--wait", *(only or ()), environment=environment(settings))
    return not before


def down(tell: Tell = lambda line: None) -> bool:
    """Stop and remove the containers, but keep their data; False if there were none."""
    if not are_up():
        return False
    tell("stopping the containers")
    _compose("down", "--remove-orphans")
    return True


def _engine_answers() -> bool:
    return all(_says_yes("docker", *words) for words in (("compose", "version"), ("info",)))


def _says_yes(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _compose(*words: str, environment: dict[str, str] | None = None, told: bool = False) -> str:
    """The command's output if ``told``; otherwise it goes to our own output. Raises StackError if it fails."""
    ran = subprocess.run(
        ["docker", "compose", "--project-name", PROJECT, "--file", str(COMPOSE), *words],
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if told else None,
        text=True,
    )
    if ran.returncode:
        raise StackError(f"docker compose {words[0]} failed; flead up --native runs without containers")
    return ran.stdout or ""
