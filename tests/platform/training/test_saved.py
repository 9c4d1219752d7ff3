"""What a job goes on from: the newest that is complete, and of its own form."""

import os
from pathlib import Path

from flead.platform.training.saved import CHECKPOINTS, METADATA, SAVEPOINTS, forget_others, newest


def save(place: Path, second: int, complete: bool = True) -> Path:
    place.mkdir(parents=True)
    if complete:
        (place / METADATA).touch()
        os.utime(place / METADATA, (second, second))
    return place


def test_the_newest_that_is_complete_and_of_its_own_form(tmp_path: Path) -> None:
    save(tmp_path / "checkpoints" / "job0" / "chk-9", 9)  # where the first form was
    save(tmp_path / "checkpoints" / "form-1" / "job0" / "chk-9", 9)
    assert newest(tmp_path) is None
    old = save(tmp_path / CHECKPOINTS / "job1" / "chk-3", 1)
    stopped = save(tmp_path / SAVEPOINTS / "savepoint-job1", 2)
    assert newest(tmp_path) == stopped
    own = save(tmp_path / CHECKPOINTS / "job2" / "chk-1", 3)
    save(tmp_path / CHECKPOINTS / "job2" / "chk-2", 4, complete=False)
    assert newest(tmp_path) == own
    forget_others(tmp_path, "job2")
    assert (own.exists(), old.exists(), stopped.exists()) == (True, False, False)
