"""Each reading tests the model that was newest when it arrived."""

import numpy as np

from flead.evaluation.arrivals import Arrived, stretches
from flead.records import GlobalModel


def model(version: int) -> GlobalModel:
    return GlobalModel(version, version, 0.5, 20, "fedavg", {}, "2025-11-07T15:22:31.000Z")


def versions(arrived: list[int], models: list[tuple[int, int]]) -> list[int]:
    """The version that each message tests; 0 for none."""
    found = [0] * len(arrived)
    for start, stop, tested in stretches(np.array(arrived, np.int64), [Arrived(t, model(v)) for v, t in models]):
        found[start:stop] = [tested.version if tested else 0] * (stop - start)
    return found


def test_versions_that_come_faster_than_micro_batches_each_have_their_stretch() -> None:
    assert versions([10, 11, 20, 21, 30, 40], [(1, 11), (2, 21), (3, 22), (4, 35)]) == [0, 1, 1, 2, 3, 4]


def test_a_model_that_came_before_all_is_tested_from_the_first() -> None:
    assert versions([10, 11], [(7, 3)]) == [7, 7]


def test_a_model_that_came_after_all_is_not_tested_yet() -> None:
    assert versions([10, 11], [(7, 12)]) == [0, 0]


def test_a_clock_that_steps_back_gives_no_reading_an_older_model() -> None:
    assert versions([10, 30, 12, 31], [(1, 5), (2, 20)]) == [1, 2, 2, 2]


def test_nothing_has_no_stretches() -> None:
    assert versions([], [(1, 5)]) == []
