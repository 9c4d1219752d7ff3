"""Where a training job can go on from: the savepoints and checkpoints in Flink's directory."""

import shutil
from pathlib import Path

FORM = 2
"""Of what the job keeps: another one whenever a job cannot go on from what the one before has saved."""
CHECKPOINTS, SAVEPOINTS = f"checkpoints/form-{FORM}", f"savepoints/form-{FORM}"
METADATA = "_metadata"
"""Written last, at once: a directory with it is complete."""


def newest(flink: Path) -> Path | None:
    """The newest complete savepoint or checkpoint; None where the first job begins."""
    found = [*flink.glob(f"{SAVEPOINTS}/*/{METADATA}"), *flink.glob(f"{CHECKPOINTS}/*/chk-*/{METADATA}")]
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent if found else None


def forget_others(flink: Path, job: str) -> None:
    """Remove what jobs before this one have left, once this one has checkpoints of its own."""
    own = flink / CHECKPOINTS / job
    for directory in (*flink.glob(f"{CHECKPOINTS}/*"), *flink.glob(f"{SAVEPOINTS}/*")):
        if directory != own:
            shutil.rmtree(directory, ignore_errors=True)
