"""The catalogue names what there is."""

from flead.learning import catalogue
from flead.learning.registry import LEARNERS
from flead.learning.strategies import STRATEGIES


def test_the_catalogue_and_the_registries_agree() -> None:
    assert tuple(catalogue.LEARNERS) == tuple(LEARNERS)
    assert tuple(STRATEGIES) == catalogue.STRATEGIES
