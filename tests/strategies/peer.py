"""Flower, in an environment of its own: what it makes of the same updates."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "FLEAD_FLOWER_PYTHON"
DEFAULT = Path.home() / ".cache/flead/bench-flower/bin/python"
SIDE = Path(__file__).with_name("flower_side.py")

DEADLINE_SECONDS = 120.0


def flower_python() -> Path | None:
    """The Python that has Flower (requirements/bench-flower.txt), None if there is none."""
    python = Path(os.environ.get(VARIABLE, DEFAULT))
    return python if python.exists() else None


def ask_flower(python: Path, request: Mapping[str, Any]) -> Any:
    """One job for flower_side.py, done; CalledProcessError with what it said if it failed."""
    quiet = {**os.environ, "FLWR_TELEMETRY_ENABLED": "0"}
    result = subprocess.run(
        [python, SIDE], input=json.dumps(request), capture_output=True, text=True, check=True, env=quiet,
        timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    return json.loads(result.stdout)
