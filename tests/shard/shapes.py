"""Hypothesis strategies for streams, and for the settings that a shard may have."""

from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from flead.settings import Settings
from flead.shard.shard import BLOCK
from tests.shard.streams import Stream, stream

COUNT = 300
"""Readings of a stream, at most."""

thorough = hypothesis_settings(deadline=None, derandomize=True, max_examples=60, database=None)

positions = st.lists(st.integers(0, COUNT), max_size=20)


@st.composite
def streams(draw: st.DrawFn, *, least: int = 1) -> Stream:
    return stream(
        seed=draw(st.integers(0, 2**32 - 1)),
        count=draw(st.integers(least, COUNT)),
        devices=draw(st.sampled_from([1, 2, 5, 30, 2 * BLOCK + 3])),
        channels=draw(st.integers(1, 3)),
        gap=draw(st.sampled_from([0.0, 0.1, 1.0, 30.0])),
        late=draw(st.sampled_from([0.0, 0.2])),
        jump=draw(st.sampled_from([0.0, 0.02])),
        level=draw(st.sampled_from([20.0, 1e9])),
        adoptions=draw(st.integers(0, 3)),
    )


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    options: dict[str, Any] = {
        "window": draw(st.sampled_from([100, 7])),
        "min_readings": draw(st.sampled_from([2, 5])),
        "train_readings": draw(st.sampled_from([50, 4])),
        "train_seconds": draw(st.sampled_from([60, 2])),
        "features": draw(st.sampled_from(["scaled", "raw"])),
        "supervised": draw(st.booleans()),
        "training_rows": draw(st.sampled_from([400, 30])),
        "mix": draw(st.sampled_from([1.0, 0.4])),
        "strategy": draw(st.sampled_from(["fedbuff", "fedprox"])),
    }
    return Settings(**options)
