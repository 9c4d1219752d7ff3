"""The sum comes out whoever falls silent when, and nothing but the sum."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cryptography", reason="the extra privacy is not installed")

from cryptography.exceptions import InvalidTag

from flead.learning.strategies import Contribution
from flead.learning.strategies.fedavg import FedAvg
from flead.privacy import masks, sharing
from flead.privacy.fixed_point import decode, encode
from flead.privacy.secure_sum import MASKING, Client, Keys, Revealed, SecureSumError, Server

Updates = dict[int, NDArray[np.uint64]]


def updates_of(devices: int, length: int = 5, seed: int = 0) -> Updates:
    rng = np.random.default_rng(seed)
    return {device: rng.integers(0, 2**64, length, dtype=np.uint64) for device in range(1, devices + 1)}


class Round:
    """A round step by step, with everything that the server has seen."""

    def __init__(self, updates: Updates, threshold: int) -> None:
        self.updates = updates
        self.clients = {device: Client(device, threshold) for device in updates}
        self.server = Server(threshold, len(next(iter(updates.values()))))
        self.masked: Updates = {}
        self.came: set[int] = set()
        self.revealed: list[Revealed] = []

    def share(self, gone: Iterable[int] = (), gone_after: Iterable[int] = ()) -> dict[int, dict[int, bytes]]:
        advertised = [client.advertise() for device, client in self.clients.items() if device not in gone]
        keys = self.server.keys(advertised)
        here = [key.device for key in keys if key.device not in gone_after]
        return self.server.route({device: self.clients[device].share(keys) for device in here})

    def mask(self, routed: dict[int, dict[int, bytes]], gone: Iterable[int] = ()) -> None:
        here = [device for device in routed if device not in gone]
        self.masked = {device: self.clients[device].mask(self.updates[device], routed[device]) for device in here}
        self.came = self.server.collect(self.masked)

    def total(self, gone: Iterable[int] = ()) -> NDArray[np.uint64]:
        self.revealed = [self.clients[device].reveal(self.came) for device in sorted(self.came) if device not in gone]
        return self.server.total(self.revealed)


def summed(updates: Updates, devices: Iterable[int]) -> list[int]:
    return [sum(int(updates[device][i]) for device in devices) % 2**64 for i in range(len(updates[1]))]


@pytest.mark.parametrize(
    "silent",
    [
        ((), (), (), ()),
        ((1,), (), (), ()),
        ((), (2,), (), ()),
        ((), (), (3,), ()),
        ((), (), (), (4,)),
        ((1,), (2,), (3,), ()),
        ((), (), (5, 6, 7), ()),
        ((), (), (), (1, 4, 7)),
    ],
)
def test_the_sum_of_those_whose_updates_came(silent: tuple[tuple[int, ...], ...]) -> None:
    updates = updates_of(7)
    round_ = Round(updates, threshold=4)
    round_.mask(round_.share(silent[0], silent[1]), silent[2])
    assert round_.came == updates.keys() - {*silent[0], *silent[1], *silent[2]}
    assert round_.total(silent[3]).tolist() == summed(updates, round_.came)


def test_below_the_threshold_every_step_refuses() -> None:
    with pytest.raises(SecureSumError, match="3 devices have advertised keys; at least 4"):
        Round(updates_of(7), 4).share(gone=(1, 2, 3, 4))
    with pytest.raises(SecureSumError, match="3 devices have sent shares"):
        Round(updates_of(7), 4).share(gone_after=(1, 2, 3, 4))
    round_ = Round(updates_of(7), 4)
    routed = round_.share()
    with pytest.raises(SecureSumError, match="3 devices have sent updates"):
        round_.mask(routed, gone=(1, 2, 3, 4))
    round_ = Round(updates_of(7), 4)
    round_.mask(round_.share())
    with pytest.raises(SecureSumError, match="3 devices have revealed shares"):
        round_.total(gone=(1, 2, 3, 4))


def test_a_client_refuses_what_would_give_another_away() -> None:
    round_ = Round(updates_of(7), 4)
    routed = round_.share()
    round_.mask(routed)
    client = round_.clients[1]
    with pytest.raises(SecureSumError, match="3 devices have sent updates"):
        client.reveal({1, 2, 3})
    # Having refused, it says nothing more: the server cannot ask again with another story.
    with pytest.raises(SecureSumError, match="step 4 after step 4"):
        client.reveal(round_.came)
    other = round_.clients[2]
    revealed = other.reveal(round_.came - {3})
    assert revealed.seeds.keys() == round_.came - {3}
    assert revealed.masking_keys.keys() == {3}
    with pytest.raises(SecureSumError, match="step 4"):
        other.reveal(round_.came)
    with pytest.raises(SecureSumError, match="did not take part: \\[9\\]"):
        round_.clients[4].reveal({*round_.came, 9})


def test_a_client_refuses_a_list_that_is_not_right() -> None:
    clients = {device: Client(device, 3) for device in range(1, 6)}
    keys = [client.advertise() for client in clients.values()]
    for wrong, match in (
        (keys[1:], "not a valid member"),
        ([*keys, keys[2]], "not a valid member"),
        ([*keys[:4], Keys(5, keys[1].channel, keys[1].masking)], "same key"),
        (keys[:2], "at least 3"),
        ([*keys, Client(6, 3).advertise()], "more than half of 6"),
    ):
        with pytest.raises(SecureSumError, match=match):
            Client.share(_fresh(keys[0], clients[1]), wrong)


def _fresh(keys: Keys, client: Client) -> Client:
    """The client as it was before step 2."""
    client._step = 1
    assert client.advertise() == keys
    return client


def test_shares_that_were_tampered_with_are_noticed() -> None:
    round_ = Round(updates_of(5), 3)
    routed = round_.share()
    swapped = {**routed[1], 2: routed[1][3]}
    with pytest.raises(InvalidTag):
        round_.clients[1].mask(round_.updates[1], swapped)


def test_messages_of_the_wrong_form_count_as_silence() -> None:
    updates = updates_of(6)
    round_ = Round(updates, 4)
    routed = round_.share()
    round_.masked = {device: round_.clients[device].mask(updates[device], routed[device]) for device in routed}
    round_.came = round_.server.collect({**round_.masked, 2: np.zeros(3, np.uint64)})
    assert round_.came == {1, 3, 4, 5, 6}
    answers = [round_.clients[device].reveal(round_.came) for device in sorted(round_.came)]
    answers[0].seeds.pop(3)
    assert round_.server.total(answers).tolist() == summed(updates, round_.came)


# What the server sees.


def chi_square(numbers: NDArray[np.uint64]) -> float:
    """Of the numbers' bytes against evenly spread ones: 255 on average, with a standard deviation of 22.6."""
    counts = np.bincount(numbers.view(np.uint8), minlength=256)
    expected = counts.sum() / 256
    return float(((counts - expected) ** 2 / expected).sum())


def far_from_even(numbers: NDArray[np.uint64]) -> bool:
    """More than eight standard deviations: chance does that less than once in 10^12 runs."""
    return abs(chi_square(numbers) - 255) > 8 * 22.6


LENGTH = 20_000
PLAIN = {device: np.full(LENGTH, device, np.uint64) for device in range(1, 6)}


def test_a_masked_update_looks_like_chance() -> None:
    round_ = Round(PLAIN, 3)
    round_.mask(round_.share())
    assert far_from_even(PLAIN[1])
    for masked in round_.masked.values():
        assert not far_from_even(masked)


def test_no_sum_of_fewer_than_all_can_be_read_before_or_after() -> None:
    """After step 4 the server knows every device's own mask; those between devices still hide all but the whole sum."""
    round_ = Round(PLAIN, 3)
    round_.mask(round_.share(), gone=(5,))
    assert round_.total().tolist() == summed(PLAIN, round_.came)
    seeds = {
        device: sharing.join({answer.device: answer.seeds[device] for answer in round_.revealed}, masks.KEY_BYTES)
        for device in round_.came
    }
    private = sharing.join({a.device: a.masking_keys[5] for a in round_.revealed}, masks.KEY_BYTES)
    bare = {}
    for device in round_.came:
        with_silent = masks.agree(private, round_.clients[device].advertise().masking, MASKING)
        bare[device] = round_.masked[device] - masks.mask(seeds[device], LENGTH) - masks.mask(with_silent, LENGTH)
    for size in (1, 2, 3):
        for some in combinations(sorted(round_.came), size):
            assert not far_from_even(np.sum([bare[device] for device in some], axis=0, dtype=np.uint64))
    everybody = np.sum(list(bare.values()), axis=0, dtype=np.uint64)
    assert everybody.tolist() == summed(PLAIN, round_.came)


def test_an_update_that_comes_too_late_stays_hidden() -> None:
    """The server has found out all masks that device 5 shares with others, but not its own one."""
    round_ = Round(PLAIN, 3)
    routed = round_.share()
    round_.mask(routed, gone=(5,))
    round_.total()
    late = round_.clients[5].mask(PLAIN[5], routed[5])
    private = sharing.join({a.device: a.masking_keys[5] for a in round_.revealed}, masks.KEY_BYTES)
    for other in round_.came:
        late += masks.mask(masks.agree(private, round_.clients[other].advertise().masking, MASKING), LENGTH)
    assert not far_from_even(late)
    assert not any(5 in answer.seeds for answer in round_.revealed)


def test_two_shares_of_three_say_nothing() -> None:
    """Every secret is as likely: two shares go with any value at 0."""
    shares = sharing.split(b"a secret of this", [1, 2, 3], threshold=3)
    first, second = int.from_bytes(shares[1]), int.from_bytes(shares[2])
    for guess in (b"a secret of this", b"another, as good"):
        value = int.from_bytes(guess)
        third = (3 * second - 3 * first + value) % sharing.PRIME  # the parabola through (0, value) and both shares
        made = {1: shares[1], 2: shares[2], 3: third.to_bytes(sharing.SHARE_BYTES)}
        assert sharing.join(made, 16) == guess


@pytest.mark.parametrize(("holders", "threshold"), [([1, 2], 3), ([0, 1], 1), ([1, 1], 1), ([1, 2], 0)])
def test_sharing_refuses_holders_that_do_not_fit(holders: list[int], threshold: int) -> None:
    with pytest.raises(ValueError, match="of the holders"):
        sharing.split(b"x", holders, threshold)


def test_wrong_shares_are_noticed() -> None:
    shares, others = (sharing.split(bytes(32), [1, 2, 3], 2) for _ in range(2))
    with pytest.raises(ValueError, match="do not belong together"):
        sharing.join({1: shares[1], 2: others[2]}, 32)


# Updates in and out.


def test_the_mean_of_twenty_updates_is_fedavgs() -> None:
    rng = np.random.default_rng(5)
    made = {device: (rng.normal(size=50), int(rng.integers(1, 51))) for device in range(1, 21)}
    round_ = Round({device: encode(*update, most=20) for device, update in made.items()}, threshold=11)
    round_.mask(round_.share(), gone=(3, 14))
    found = decode(round_.total())
    left = [Contribution({"w": made[device][0]}, made[device][1], 0) for device in round_.came]
    _, expected = FedAvg().step({}, left)
    np.testing.assert_allclose(found.parameters, expected["w"], rtol=0, atol=1e-9)
    assert found.samples == sum(update.samples for update in left)


@pytest.mark.parametrize(("number", "samples"), [(np.nan, 1), (np.inf, 1), (1e9, 50), (-1e9, 50), (0.0, 0)])
def test_an_update_that_would_overflow_is_refused(number: float, samples: int) -> None:
    with pytest.raises(ValueError, match="must be below"):
        encode(np.array([0.0, number]), samples, most=20)
