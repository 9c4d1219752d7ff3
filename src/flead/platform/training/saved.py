"""What a training job can be restored from: the savepoints and checkpoints in Flink's directory."""

import shutil
from pathlib import Path

FORM = 2
"""Format of the job's state: increased whenever a job cannot restore what earlier versions saved."""
CHECKPOINTS, SAVEPOINTS = f"checkpoints/form-{FORM}", f"savepoints/form-{FORM}"
METADATA = "_metadata"
"""Written last and atomically: a directory that has it is complete."""


def newest(flink: Path) -> Path | None:
    """The newest complete savepoint or checkpoint; None where the first job begins."""
    found = [*flink.glob(f"{SAVEPOINTS}/*/{METADATA}"), *flink.glob(f"{CHECKPOINTS}/*/chk-*/{METADATA}")]
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent if found else None


def forget_others(flink: Path, job: str) -> None:
    """Remove what earlier jobs left, once this one has checkpoints of its own."""
    own = flink / CHECKPOINTS / job
    for directory in (*flink.glob(f"{CHECKPOINTS}/*"), *flink.glob(f"{SAVEPOINTS}/*")):
        if directory != own:
            shutil.rmtree(directory, ignore_errors=True)
