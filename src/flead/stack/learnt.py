"""What the devices of a platform have learnt with, and what keeps it, so that nobody makes them forget by a slip."""

import json
from dataclasses import asdict
from typing import Any

from flead.errors import FleadError
from flead.learning.registry import LEARNERS
from flead.platform.training.saved import FORM
from flead.settings import Settings
from flead.shard.shard import rules_of
from flead.stack.errors import StackError
from flead.stack.layout import Layout

JOB, FIRST_FORM = "job", 1
"""The note's entry for the form of what the training job saves; notes without one are of the first."""


def agree(settings: Settings, forget: bool) -> None:
    """Note the learner, and the rules that its state depends on, for the next start.

    StackError if they are others than at the last start, unless the devices are to forget and learn anew.
    """
    note = Layout.of(settings).learnt
    chosen = _chosen(settings)
    before: dict[str, Any] = json.loads(note.read_text()) if note.exists() else {JOB: FORM, **chosen}
    form = before.pop(JOB, FIRST_FORM)
    if form != FORM and not forget:
        raise StackError(
            f"this version of FLEAD cannot go on from what the training job has saved (form {form}, not {FORM}): go "
            "back to the version that saved it, or, after flead down, give --forget-training: then the devices learn "
            "anew from all readings that Kafka still has, numbering their trainings from 1; what is stored stays"
        )
    if before != chosen and not forget:
        raise StackError(
            f"the devices of this platform have learnt with {_words(before)}, not {_words(chosen)}: set it back to go "
            "on from there, or, after flead down, give --forget-training to let them learn anew; what is stored stays"
        )
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({JOB: FORM, **chosen}))


def _chosen(settings: Settings) -> dict[str, str]:
    if settings.learner not in LEARNERS:
        raise FleadError(f"no learner {settings.learner!r}: there are {', '.join(sorted(LEARNERS))}")
    rules = asdict(rules_of(settings))
    remembered = {name: str(rules[name]) for name in LEARNERS[settings.learner].remembers}
    return {"learner": settings.learner, **remembered}


def _words(chosen: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in chosen.items())
