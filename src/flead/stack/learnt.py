"""What the devices of a platform have learnt with, so that nobody makes them forget it by a slip."""

import json
from dataclasses import asdict

from flead.errors import FleadError
from flead.learning.registry import LEARNERS
from flead.settings import Settings
from flead.stack.errors import StackError
from flead.stack.layout import Layout
from flead.training.fleet import rules_of


def agree(settings: Settings, forget: bool) -> None:
    """Note the learner, and the rules that its state depends on, for the next start.

    StackError if they are others than at the last start, unless the devices are to forget and learn anew.
    """
    note = Layout.of(settings).learnt
    chosen = _chosen(settings)
    before = json.loads(note.read_text()) if note.exists() else chosen
    if before != chosen and not forget:
        raise StackError(
            f"the devices of this platform have learnt with {_words(before)}, not {_words(chosen)}: set it back to go "
            "on from there, or, after flead down, give --forget-training to let them learn anew; what is stored stays"
        )
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(chosen))


def _chosen(settings: Settings) -> dict[str, str]:
    if settings.learner not in LEARNERS:
        raise FleadError(f"no learner {settings.learner!r}: there are {', '.join(sorted(LEARNERS))}")
    rules = asdict(rules_of(settings))
    remembered = {name: str(rules[name]) for name in LEARNERS[settings.learner].remembers}
    return {"learner": settings.learner, **remembered}


def _words(chosen: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in chosen.items())
