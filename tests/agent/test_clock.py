"""A clock that is set is noticed, and a shard whose clock ran ahead is brought back."""

from flead.agent.clock import JUMP, Ahead, Clock


class Times:
    def __init__(self) -> None:
        self.wall, self.passed = 1_000_000, 0

    def go(self, milliseconds: int) -> None:
        self.wall += milliseconds
        self.passed += milliseconds


def test_a_jump_is_told_once_and_small_corrections_are_none():
    times = Times()
    clock = Clock(lambda: times.wall, lambda: times.passed)
    times.go(60_000)
    times.wall += JUMP - 1
    assert clock.jumped() == 0
    times.wall += 3_600_000
    assert clock.jumped() == 3_600_000 + JUMP - 1
    assert clock.jumped() == 0
    times.wall -= 7_200_000
    assert clock.jumped() == -7_200_000


def test_a_shard_goes_back_when_readings_have_been_earlier_for_long_enough():
    times = Times()
    ahead = Ahead(120_000, lambda: times.passed)
    ahead.see(4_000_000_000)
    times.go(120_000)
    assert ahead.set_back(4_000_000_000) is None  # of the same time as the clock
    ahead.see(1_120_000)
    times.go(60_000)
    assert ahead.set_back(4_000_000_000) is None  # not for long enough
    times.go(60_000)
    assert ahead.set_back(4_000_000_000) == 1_120_000
    times.go(120_000)
    assert ahead.set_back(4_000_000_000) is None  # nobody has said anything since
