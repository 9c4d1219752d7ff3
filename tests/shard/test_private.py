"""Private updates: what leaves a shard, by whatever engine, and what every global model says of it."""

import msgspec
import numpy as np
import pytest

from flead.errors import FleadError
from flead.federation.rounds import Rounds, rounds_of
from flead.learning.learner import arrays, flatten
from flead.learning.registry import LEARNERS
from flead.learning.zscore.learner import ZScore
from flead.learning.zscore.logistic import LAYOUT
from flead.privacy.accountant import DELTA, Accountant, epsilon_of
from flead.records import GlobalModel, LocalUpdate
from flead.settings import Settings
from flead.shard.outputs import local_updates
from flead.shard.shard import Shard
from flead.shard.state import restore, snapshot
from tests.shard.streams import (
    assert_same_bits,
    batches,
    fitting,
    model,
    observe_all,
    play,
    register,
    results,
    stream,
)

WHOLE = stream(seed=11, count=2000, devices=70, channels=2, adoptions=3)
PRIVATE = Settings(privacy_noise=0.5, privacy_clip=0.25, privacy_seed=7, training_rows=40)


def updates(settings: Settings) -> list[LocalUpdate]:
    shard = Shard(settings)
    register(shard, WHOLE)
    return local_updates(shard, shard.observe(WHOLE.batch))


def point(update: LocalUpdate) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return flatten(arrays(update.parameters), LAYOUT)


@pytest.mark.parametrize("learner", LEARNERS)
def test_neither_batches_nor_a_restart_change_a_bit(learner: str) -> None:
    settings = PRIVATE.model_copy(update={"learner": learner})
    at_once = observe_all(settings, WHOLE)
    assert_same_bits(at_once, observe_all(settings, WHOLE, range(0, 2000, 37), narrow=True))

    # An unset seed is drawn once: a restarted shard sends the same update with the same noise.
    unset = settings.model_copy(update={"privacy_seed": None})
    first, whole, stored = Shard(unset), Shard(unset), dict[str, bytes]()
    assert whole.private is not None
    assert first.private is not None
    whole.private.seed = first.private.seed
    played, expected = [], []
    for one in first, whole:
        register(one, WHOLE)
    for begin, batch in batches(WHOLE, range(0, 2000, 400)):
        stored |= snapshot(first)
        first = Shard(unset)
        restore(first, stored)
        played.append(play(first, WHOLE, begin, batch))
        expected.append(play(whole, WHOLE, begin, batch))
    assert_same_bits(results(played, WHOLE.width), results(expected, WHOLE.width))


@pytest.mark.parametrize("learner", LEARNERS)
def test_only_the_parameters_differ_and_they_are_still_the_learners(learner: str) -> None:
    settings = PRIVATE.model_copy(update={"learner": learner})
    clear, told = updates(settings.model_copy(update={"privacy_noise": 0.0})), updates(settings)
    assert len(told) > 20
    for mine, sent in zip(clear, told, strict=True):
        assert LEARNERS[learner].misfit(arrays(sent.parameters)) is None
        assert sent.parameters != mine.parameters
        assert msgspec.structs.replace(sent, parameters=mine.parameters) == mine


def test_the_seed_decides_and_an_unset_one_is_never_the_same() -> None:
    told = [updates(PRIVATE.model_copy(update={"privacy_seed": seed}))[0].parameters for seed in (7, 8, None, None)]
    assert told[0] == updates(PRIVATE)[0].parameters
    assert len({str(parameters) for parameters in told}) == 4


def test_an_update_lies_at_most_a_clip_from_the_newest_global_model() -> None:
    settings = PRIVATE.model_copy(update={"privacy_noise": 1e-9, "privacy_clip": 0.01, "learning_rate": 0.5})
    shard = Shard(settings)
    register(shard, WHOLE)
    first = local_updates(shard, shard.observe(WHOLE.batch.part(0, 1000)))
    given = fitting(model(np.random.default_rng(0)), shard)
    shard.adopt(given)
    second = local_updates(shard, shard.observe(WHOLE.batch.part(1000, 2000)))
    public = flatten(arrays(given.parameters), LAYOUT)
    assert max(float(np.linalg.norm(point(update))) for update in first) == pytest.approx(0.01)
    assert max(float(np.linalg.norm(point(update) - public)) for update in second) == pytest.approx(0.01)


def test_every_global_model_says_what_the_device_that_sent_most_has_told() -> None:
    rounds = rounds_of(Settings(privacy_noise=4.0, buffer=2))
    parameters = {"weights": [1.0, 2.0, 3.0], "bias": [0.0]}

    def send(device: str, version: int) -> GlobalModel | None:
        text = "2025-11-07T15:22:31.000Z"
        return rounds.add(LocalUpdate(device, version, 0, 0.5, 0.5, 50, parameters, text))

    accountant = Accountant(4.0)
    send("pump", 1)
    first = send("fan", 3)  # the server may not have seen them all, but they were sent
    for _ in range(3):
        accountant.sent(["fan"])
    assert first is not None
    assert first.epsilon == pytest.approx(accountant.epsilon("fan").updates)
    send("pump", 2)
    second = send("mill", 1)
    assert second is not None
    assert second.epsilon == first.epsilon  # nobody takes back what it has told
    again = Rounds("fedbuff", 2, ZScore.misfit, noise=4.0)
    again.resume(second, rounds.strategy_state())
    rounds = again
    send("pump", 3)
    third = send("fan", 4)
    assert third is not None
    assert third.epsilon == pytest.approx(epsilon_of(4 * (2 / 4.0) ** 2, DELTA))


def test_updates_that_are_not_private_have_no_epsilon() -> None:
    rounds = rounds_of(Settings(buffer=1))
    parameters = {"weights": [1.0, 2.0, 3.0], "bias": [0.0]}
    made = rounds.add(LocalUpdate("pump", 1, 0, 0.5, 0.5, 50, parameters, "2025-11-07T15:22:31.000Z"))
    assert made is not None
    assert made.epsilon is None
    assert b"epsilon" not in msgspec.json.encode(made)


def test_without_the_accountant_it_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dp_accounting", None)
    with pytest.raises(FleadError, match=r"flead\[embedded,privacy\]"):
        rounds_of(Settings(privacy_noise=1.0))
