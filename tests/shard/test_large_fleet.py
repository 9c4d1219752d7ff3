from flead.learning.zscore.learner import LARGE
from flead.settings import Settings
from flead.shard.shard import Shard
from tests.shard.streams import assert_same_bits, batches, observe_all, play, register, results, stream


def test_a_large_fleet_learns_bit_for_bit_as_a_small_one() -> None:
    whole = stream(5, 3000, devices=50, channels=2, adoptions=2)
    shard = Shard(Settings())
    register(shard, whole)
    shard.devices.add(f"silent_{number}" for number in range(4000))
    played = [play(shard, whole, begin, batch) for begin, batch in batches(whole, [1, 33, 1000])]
    assert shard.learner.columns()["signals"].nbytes > LARGE
    assert_same_bits(results(played, whole.width), observe_all(Settings(), whole))
