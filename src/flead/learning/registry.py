"""The registry of learners: what ``learner`` can be set to."""

from flead.learning.drift.learner import Drift
from flead.learning.learner import Learner
from flead.learning.tail.learner import Tail
from flead.learning.zscore.learner import Logistic, ZScore

LEARNERS: dict[str, type[Learner]] = {learner.name: learner for learner in (ZScore, Logistic, Drift, Tail)}
