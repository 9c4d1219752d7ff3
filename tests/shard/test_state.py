"""A shard that is stored and restored goes on as if nothing had been."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flead.columns import Batch
from flead.learning.registry import LEARNERS
from flead.records import GlobalModel
from flead.settings import Settings
from flead.shard.shard import BLOCK, Shard
from flead.shard.state import HEADER, MODEL, StateError, restore, snapshot
from tests.shard.shapes import any_settings, positions, streams, thorough
from tests.shard.streams import (
    CHANNELS,
    Stream,
    assert_same_bits,
    batches,
    observe_all,
    observed,
    play,
    register,
    results,
    stream,
)


def copy_of(shard: Shard, stored: dict[str, bytes]) -> Shard:
    """A new shard, restored from the store after what has changed was added to it."""
    stored.update(snapshot(shard))
    copied = Shard(shard.settings)
    restore(copied, stored)
    return copied


def whole_state(shard: Shard) -> dict[str, bytes]:
    shard.touched[: -(-len(shard.devices) // BLOCK)] = True
    return snapshot(shard)


def observe_with_breaks(settings: Settings, whole: Stream, breaks: list[int], *, narrow: bool, every: int) -> Shard:
    """Store the shard at every cut of a stream and replace it by its copy at some: no bit of the results changes."""
    shard, stored, played = Shard(settings), dict[str, bytes](), []
    if not narrow:
        register(shard, whole)
    for number, (begin, batch) in enumerate(batches(whole, breaks)):
        stored.update(snapshot(shard))
        if number % every == 0:
            shard = copy_of(shard, stored)
        played.append(play(shard, whole, begin, batch, narrow=narrow))
    assert_same_bits(results(played, whole.width), observe_all(settings, whole))
    return shard


@pytest.mark.parametrize("learner", LEARNERS)
@thorough
@given(
    whole=streams(), settings=any_settings(), breaks=positions, narrow=st.booleans(), every=st.integers(1, 3)
)  # fmt: skip
def test_stored_and_restored_anywhere_it_gives_the_same_bits(
    learner: str, whole: Stream, settings: Settings, breaks: list[int], narrow: bool, every: int
) -> None:
    settings = settings.model_copy(update={"learner": learner})
    shard = observe_with_breaks(settings, whole, breaks, narrow=narrow, every=every)
    assert whole_state(copy_of(shard, whole_state(shard))) == whole_state(shard)


def test_only_touched_blocks_are_stored() -> None:
    shard, whole = Shard(Settings()), stream(seed=2, count=500, devices=4 * BLOCK)
    register(shard, whole)
    assert snapshot(shard).keys() == {HEADER, *(f"block/{number:08d}" for number in range(4))}
    assert snapshot(shard).keys() == {HEADER}
    shard.observe(whole.batch._replace(rows=whole.batch.rows % 3 + BLOCK))
    assert snapshot(shard).keys() == {HEADER, "block/00000001"}


def test_a_device_that_trains_in_silence_is_stored() -> None:
    shard, stored = Shard(Settings(train_seconds=60)), dict[str, bytes]()
    shard.devices.add([f"device_{row}" for row in range(2 * BLOCK)])
    shard.observe(one_reading(row=0, time=0))
    stored.update(snapshot(shard))
    shard.observe(one_reading(row=2 * BLOCK - 1, time=100_000))
    assert copy_of(shard, stored).schedule.version[0] == 1


def test_devices_that_never_spoke_are_stored() -> None:
    shard = Shard(Settings())
    shard.devices.add([f"device_{row}" for row in range(BLOCK + 5)], ("pressure", "flow"))
    shard.observe(one_reading(row=BLOCK + 1, time=0))
    stored = dict[str, bytes]()
    assert copy_of(shard, stored).devices.id(3) == "device_3"
    shard.devices.add(["late"])
    copied = copy_of(shard, stored)
    assert copied.devices.id(BLOCK + 5) == "late"
    assert copied.devices.channels(3) == ("pressure", "flow")


def test_kinds_of_blocks_that_stay_in_the_store_keep_their_meaning() -> None:
    shard, stored = Shard(Settings()), dict[str, bytes]()
    shard.devices.add([f"a{row}" for row in range(BLOCK)], ("a",))
    shard.devices.add([f"a{row}" for row in range(BLOCK)], ("c",))
    shard.devices.add([f"b{row}" for row in range(BLOCK)], ("b",))
    shard = copy_of(shard, stored)
    shard.observe(one_reading(row=0, time=0))
    shard = copy_of(shard, stored)
    assert shard.devices.channels(0) == ("a", "c")
    assert shard.devices.channels(BLOCK) == ("b",)


def test_a_restored_shard_takes_wider_and_more_devices() -> None:
    settings = Settings(min_readings=2)
    whole = stream(seed=3, count=900, devices=BLOCK + 9, channels=3, gap=0.2)
    narrow = whole.batch.part(0, 450)
    narrow.values[:, 1:] = np.nan
    narrow.values[:, 0] = np.nan_to_num(narrow.values[:, 0], nan=20.0)
    narrow.rows[narrow.rows >= BLOCK - 1] = 0

    shard, stored, played = Shard(settings), dict[str, bytes](), []
    shard.devices.add([f"device_{row}" for row in range(BLOCK - 1)], CHANNELS[:1])
    played.append(observed(shard, narrow._replace(values=narrow.values[:, :1].copy())))
    shard = copy_of(shard, stored)
    register(shard, whole)
    played.append(observed(shard, whole.batch.part(450, 700)))
    # Blocks of one channel and of three lie side by side in the store.
    shard = copy_of(shard, stored)
    played.append(observed(shard, whole.batch.part(700, 900)))
    assert_same_bits(results(played, 3), observe_all(settings, whole))


def test_the_global_model_is_part_of_the_state() -> None:
    shard = Shard(Settings())
    shard.devices.add(["pump"])
    shard.adopt(global_model(version=7))
    copied = copy_of(shard, {})
    assert copied.global_model == shard.global_model
    assert MODEL not in snapshot(copied)
    copied.adopt(global_model(version=6))
    assert MODEL not in snapshot(copied)
    copied.observe(one_reading(row=0, time=0))
    assert copied.observe(one_reading(row=0, time=60_000)).trained.updates.global_versions.tolist() == [7]


def test_rules_that_the_state_does_not_depend_on_may_change() -> None:
    stored = a_store()
    restore(Shard(Settings(threshold=4.0, train_readings=10, train_seconds=5, mix=0.5, supervised=True)), stored)


def test_a_shorter_patience_than_before_does_not_stop_the_clock() -> None:
    shard = Shard(Settings(train_seconds=3600))
    shard.devices.add(["silent", "pump"])
    shard.observe(one_reading(row=0, time=0))
    shard.observe(one_reading(row=1, time=900_000))
    copied = Shard(Settings(train_seconds=2))
    restore(copied, snapshot(shard))
    trained = [copied.observe(one_reading(row=1, time=900_000 + 1000 * second)).trained for second in range(1, 20)]
    assert 0 in np.concatenate([each.rows for each in trained])


Damage = Callable[[dict[str, bytes]], None]


def changed_header(**fields: object) -> Damage:
    def damage(stored: dict[str, bytes]) -> None:
        stored[HEADER] = msgspec.msgpack.encode(msgspec.msgpack.decode(stored[HEADER]) | fields)

    return damage


def changed_block(change: Callable[[Any], object]) -> Damage:
    def damage(stored: dict[str, bytes]) -> None:
        block = msgspec.msgpack.decode(stored["block/00000000"])
        change(block)
        stored["block/00000000"] = msgspec.msgpack.encode(block)

    return damage


def cut_short(key: str) -> Damage:
    def damage(stored: dict[str, bytes]) -> None:
        stored[key] = stored[key][: len(stored[key]) // 2]

    return damage


MISFIT = msgspec.msgpack.encode(GlobalModel(1, 1, 0.5, 1, "fedavg", {"other": [1.0]}, "2025-11-07T15:22:31.000Z"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda stored: stored.pop(HEADER), "no header"),
        (lambda stored: stored.pop("block/00000000"), "has 6 devices where it should have 70"),
        (lambda stored: stored.pop("block/00000001"), "has 64 devices where it should have 70"),
        (changed_header(format=2), "format 2.*reads 4"),
        (changed_header(learner="other"), "of learner other, not zscore.*--fresh"),
        (changed_header(rules={"window": 30, "features": "scaled"}), "window = 30, not 100.*--fresh"),
        (changed_header(rules={"window": 100, "features": "raw"}), "features = raw, not scaled.*--fresh"),
        (changed_header(clock="noon"), "damaged.*--fresh"),
        (changed_header(kinds=[]), "damaged.*--fresh"),
        (lambda stored: stored.update({MODEL: MISFIT}), "damaged.*other.*--fresh"),
        (cut_short(HEADER), "damaged.*--fresh"),
        (cut_short("block/00000001"), "damaged.*--fresh"),
        (changed_block(lambda block: block["columns"].pop("signals")), "damaged.*signals.*--fresh"),
        (changed_block(lambda block: block["kinds"].pop()), "damaged.*--fresh"),
        (changed_block(lambda block: block["columns"]["pending"].__setitem__(1, [63])), "damaged.*--fresh"),
    ],
)
def test_a_state_that_it_cannot_go_on_from_is_refused(damage: Damage, message: str) -> None:
    stored = a_store()
    damage(stored)
    with pytest.raises(StateError, match=message):
        restore(Shard(Settings()), stored)


def test_a_shard_that_has_devices_cannot_be_restored_into() -> None:
    shard = Shard(Settings())
    shard.devices.add(["pump"])
    with pytest.raises(StateError, match="new shard"):
        restore(shard, a_store())


def a_store() -> dict[str, bytes]:
    """The state of a shard of two blocks, 64 and 6 devices."""
    shard, whole = Shard(Settings()), stream(seed=4, count=400, devices=70)
    register(shard, whole)
    shard.observe(whole.batch)
    return snapshot(shard)


def global_model(version: int) -> GlobalModel:
    parameters = {"weights": [0.1, 0.2, 0.3], "bias": [0.4]}
    return GlobalModel(version, 1, 0.5, 1, "fedavg", parameters, "2025-11-07T15:22:31.000Z")


def one_reading(row: int, time: int, value: float = 20.0) -> Batch:
    return Batch(
        np.array([row], np.int32), np.array([time], np.int64), np.array([[value]]), np.array([-1], np.int8)
    )  # fmt: skip
