"""The learners and strategies by name, without their kernels: what help texts and pages read.

The registries, :data:`flead.learning.registry.LEARNERS` and :data:`flead.learning.strategies.STRATEGIES`, hold what
the names stand for; a test compares them with this.
"""

from typing import NamedTuple


class AboutLearner(NamedTuple):
    """What others need to know of a learner."""

    judges_levels: bool = False
    """Its z is of a signal's level over some readings, and not of the flagged reading alone."""


LEARNERS: dict[str, AboutLearner] = {
    "zscore": AboutLearner(),
    "logistic": AboutLearner(),
    "drift": AboutLearner(judges_levels=True),
    "tail": AboutLearner(),
}

STRATEGIES: tuple[str, ...] = (
    "fedavg", "fedbuff", "fedprox", "fedavgm", "fedadagrad", "fedadam", "fedyogi",
    "median", "trimmed_mean", "krum", "multi_krum", "geometric_median", "norm_clipping", "peers",
)  # fmt: skip
