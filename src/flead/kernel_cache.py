"""Where compiled kernels are kept between runs.

Numba keeps a kernel until the file that holds it changes, but not until a kernel that it calls changes in
another file: an edit to ``windows.py`` would leave ``zscore.py`` running the old code. So FLEAD's kernels lie in
a directory whose name is a digest of all files with kernels, or with records that kernels take.
"""

import hashlib
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
DAY = 86_400

KERNELS = re.compile(rb"njit|learning\.kernels")
"""What a file says that holds kernels, or the records of arrays that are passed to them."""


def use() -> None:
    """Point Numba at the directory for this state of the sources; the user's own NUMBA_CACHE_DIR takes precedence."""
    if VARIABLE in os.environ:
        return
    package = Path(__file__).parent
    name = f"kernels-{_digest(package)}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    temporary = Path(tempfile.gettempdir())
    bases = package / "__pycache__", cache / "flead", temporary / f"flead-{_user()}"
    for base in filter(Path.is_absolute, bases):  # "~" stays "~" for a user without a home.
        try:
            (base / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        # Kernels are code: nothing that another user could have put there is run.
        ours = base.stat().st_uid == (base / name).stat().st_uid == _user()
        if ours and os.access(base / name, os.W_OK):
            os.environ[VARIABLE] = str(base / name)
            _remove_others(base, name)
            return


def _remove_others(base: Path, name: str) -> None:
    """Remove the kernels of other states of the sources, once no process can be about to add one."""
    for other in base.glob("kernels-*"):
        with suppress(OSError):
            if other.name != name and other.stat().st_mtime < time.time() - DAY:
                shutil.rmtree(other, ignore_errors=True)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _digest(package: Path) -> str:
    digest = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        text = source.read_bytes()
        if KERNELS.search(text):
            digest.update(str(source.relative_to(package)).encode() + b"\0" + text)
    return digest.hexdigest()[:16]
