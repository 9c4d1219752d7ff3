"""How a stream is cut into batches changes no bit of any result."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flead.learning.registry import LEARNERS
from flead.settings import Settings
from flead.shard.shard import BLOCK
from tests.shard.shapes import any_settings, positions, streams, thorough
from tests.shard.streams import Stream, assert_same_bits, observe_all, stream


@pytest.mark.parametrize("learner", LEARNERS)
@thorough
@given(whole=streams(), settings=any_settings(), cuts=positions, narrow=st.booleans())
def test_any_cut_gives_the_same_bits(
    learner: str, whole: Stream, settings: Settings, cuts: list[int], narrow: bool
) -> None:
    settings = settings.model_copy(update={"learner": learner})
    assert_same_bits(observe_all(settings, whole), observe_all(settings, whole, cuts, narrow=narrow))


@pytest.mark.parametrize("learner", LEARNERS)
def test_one_by_one_is_the_same_as_all_at_once(learner: str) -> None:
    settings = Settings(learner=learner)
    whole = stream(seed=1, count=3000, devices=BLOCK + 20, channels=2, gap=0.5, late=0.1, jump=0.001, adoptions=4)
    at_once = observe_all(settings, whole)
    assert_same_bits(at_once, observe_all(settings, whole, range(3000), narrow=True))
    assert len(at_once["rows"]) > 100


@thorough
@given(whole=streams(), settings=any_settings(), cuts=positions)
def test_nothing_is_lost_and_nothing_counted_twice(whole: Stream, settings: Settings, cuts: list[int]) -> None:
    seen = observe_all(settings, whole, cuts)
    count, rows = whole.batch.size, whole.batch.rows
    # Every reading is judged once, by a channel that it has.
    assert len(seen["score"]) == count
    assert not np.isnan(whole.batch.values[np.arange(count), seen["channel"]]).any()
    for row in range(whole.devices):
        mine = seen["rows"] == row
        assert seen["model_versions"][mine].tolist() == list(range(1, mine.sum() + 1))
        # Some readings may be pending, not enough for a training.
        pending = np.count_nonzero(rows == row) - seen["samples"][mine].sum()
        assert 0 <= pending < settings.train_readings
        assert (seen["samples"][mine] >= 1).all()
        assert (seen["samples"][mine] <= settings.train_readings).all()
