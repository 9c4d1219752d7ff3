"""The registry of learners: what ``learner`` can be set to."""

from flead.learning.drift import Drift
from flead.learning.learner import Learner
from flead.learning.sentinel.learner import Sentinel
from flead.learning.tail import Tail
from flead.learning.zscore import Logistic, ZScore

LEARNERS: dict[str, type[Learner]] = {learner.name: learner for learner in (ZScore, Logistic, Drift, Tail, Sentinel)}
