"""The contenders' own environment, made once in the cache directory; and the machine's facts."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
OURS = ("numpy", "numba", "msgspec", "polars")
THEIRS = ("numpy", "orjson", "river")


def contender_python(name: str) -> Path:
    """A Python that has what ``requirements/bench-NAME.txt`` asks for, and nothing of FLEAD's.

    SystemExit if it cannot be made.
    """
    requirements = ROOT / "requirements" / f"bench-{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flead"
    directory = cache / f"bench-{name}-{digest}"
    python = directory / "bin" / "python"
    if not (directory / "complete").exists():
        print(f"Installing {name} into an environment of its own", file=sys.stderr)
        shutil.rmtree(directory, ignore_errors=True)
        pinned = ["--require-hashes", "--only-binary", ":all:", "--requirement", str(requirements)]
        if shutil.which("uv"):
            # FLEAD's own constraints, in pyproject.toml, do not bind the others.
            steps = [
                ["uv", "venv", "--no-config", "--quiet", "--python", sys.executable, str(directory)],
                ["uv", "pip", "install", "--no-config", "--quiet", "--python", str(python), *pinned],
            ]
        else:
            steps = [
                [sys.executable, "-m", "venv", str(directory)],
                [str(python), "-m", "pip", "install", "-q", *pinned],
            ]
        for step in steps:
            done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                raise SystemExit(f"The environment of {name} cannot be made:\n{done.stdout}")
        (directory / "complete").touch()
    return python


def versions(python: Path) -> dict[str, str]:
    """The versions of everybody's libraries."""
    code = "from importlib.metadata import version; import sys; print(*map(version, sys.argv[1:]))"
    theirs = subprocess.run([python, "-c", code, *THEIRS], check=True, capture_output=True, text=True).stdout.split()
    return {
        **{f"FLEAD's {name}": version(name) for name in OURS},
        **{f"the contenders' {name}": number for name, number in zip(THEIRS, theirs, strict=True)},
    }


def machine() -> dict[str, str]:
    """What was measured on."""
    return {
        "processor": _processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
