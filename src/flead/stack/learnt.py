"""The learner that a platform's devices were trained with, noted so that a slip does not discard what they learnt."""

import json
from dataclasses import asdict
from typing import Any

from flead.errors import FleadError
from flead.layout import Layout
from flead.learning.registry import LEARNERS
from flead.platform.training.saved import FORM
from flead.settings import Settings
from flead.shard.shard import rules_of
from flead.stack.errors import StackError

JOB, FIRST_FORM = "job", 1
"""The note's entry for the format of the training job's savepoints; notes without it are of the first format."""


def agree(settings: Settings, forget: bool) -> None:
    """Note the learner, and the rules that its state depends on, for the next start.

    StackError if they differ from those of the last start, unless ``forget`` lets the devices start from scratch.
    """
    note = Layout.of(settings).learnt
    chosen = _chosen(settings)
    before: dict[str, Any] = json.loads(note.read_text()) if note.exists() else {JOB: FORM, **chosen}
    form = before.pop(JOB, FIRST_FORM)
    if form != FORM and not forget:
        raise StackError(
            f"this version of FLEAD cannot restore what the training job has saved (format {form}, not {FORM}): go "
            "back to the version that saved it, or, after flead down, use --forget-training: the devices then learn "
            "from scratch, from all readings that Kafka still has, and number their trainings from 1; stored data stays"
        )
    if before != chosen and not forget:
        raise StackError(
            f"the devices of this platform were trained with {_words(before)}, not {_words(chosen)}: set it back to "
            "continue, or, after flead down, use --forget-training to let them learn from scratch; stored data stays"
        )
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({JOB: FORM, **chosen}))


def _chosen(settings: Settings) -> dict[str, str]:
    if settings.learner not in LEARNERS:
        raise FleadError(f"no learner {settings.learner!r}: there are {', '.join(sorted(LEARNERS))}")
    rules = asdict(rules_of(settings))
    remembered = {name: str(rules[name]) for name in LEARNERS[settings.learner].remembers}
    # A note of before there were two engines names none.
    engine = {} if settings.engine == "flink" else {"engine": settings.engine}
    return {"learner": settings.learner, **engine, **remembered}


def _words(chosen: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in chosen.items())
