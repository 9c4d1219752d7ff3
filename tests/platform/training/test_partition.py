"""A partition: Kafka's messages in, Kafka's messages out, nothing lost and nothing mixed up."""

import json
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from flead.codec.encode import encode_messages
from flead.codec.frames import FIELD, LATIN_1, MESSAGE
from flead.learning.registry import LEARNERS
from flead.platform.training.partition import KEY, Partition, Produced
from flead.records import GlobalModel, Reading, to_text
from flead.settings import Settings
from flead.shard.outputs import anomalies, local_updates
from flead.shard.shard import Shard
from tests.codec.test_frames import gathered
from tests.shard.streams import START, Stream, fitting, register, stream

WHOLE = stream(5, 3000, devices=4, channels=2)
# A message names its channels, a device's first one all of them: otherwise their order would be another one.
np.nan_to_num(WHOLE.batch.values, copy=False, nan=20.0)


def readings(whole: Stream) -> list[bytes]:
    batch = whole.batch
    rows = zip(batch.rows.tolist(), batch.values.tolist(), batch.times.tolist(), strict=True)
    return encode_messages([
        Reading(f"device_{row}", dict(zip(("c0", "c1"), values, strict=True)), to_text(time))
        for row, values, time in rows
    ])  # fmt: skip


def taken_apart(lines: str) -> list[tuple[str, bytes]]:
    return [(key, json.encode()) for key, _, json in (line.partition(KEY) for line in lines.split("\n") if line)]


def letters(produced: Produced) -> list[tuple[int, str, bytes, bytes]]:
    """(offset, reason, key, value) of every dead letter."""
    found = []
    for letter in filter(None, produced.dead_letters.split(MESSAGE)):
        offset, reason, key, value = (part.encode(LATIN_1) for part in letter.split(FIELD))
        found.append((int(offset), reason.decode(), key, value))
    return found


def talkative(learner: str) -> Settings:
    """Of any learner, with a few alarms and several fits in a short stream."""
    return Settings(learner=learner, alarms_per_day=5000, training_rows=100, alarm_quantile=0.8)


@pytest.mark.parametrize("learner", [name for name in LEARNERS if name != "logistic"])  # which raises no alarm here
def test_a_partition_says_what_its_shard_says_however_messages_are_gathered(learner: str) -> None:
    settings = talkative(learner)
    wanted = Shard(settings)
    register(wanted, WHOLE)
    outcome = wanted.observe(WHOLE.batch)
    messages = [(i, b"", value) for i, value in enumerate(readings(WHOLE))]

    partition = Partition(settings, {})
    cuts = [0, 1, 2, 700, 701, 2222, 3000]
    produced = [partition.observe(*gathered(messages[start:stop])) for start, stop in pairwise(cuts)]
    found_anomalies = [line for one in produced for line in taken_apart(one.anomalies)]
    found_updates = [line for one in produced for line in taken_apart(one.updates)]
    flagged, learnt = anomalies(wanted, outcome), local_updates(wanted, outcome)
    assert found_anomalies == [(a.device_id, text) for a, text in zip(flagged, encode_messages(flagged), strict=True)]
    assert found_updates == [(u.device_id, text) for u, text in zip(learnt, encode_messages(learnt), strict=True)]
    assert len(flagged) > 20
    assert len(learnt) > 20
    assert not any(one.dead_letters for one in produced)


@pytest.mark.parametrize("learner", LEARNERS)
def test_it_goes_on_from_what_it_gave_to_be_stored(learner: str) -> None:
    settings = talkative(learner)
    messages = [(i, b"", value) for i, value in enumerate(readings(WHOLE))]
    model = GlobalModel(7, 7, 0.5, 3, "fedavg", {"weights": [0.1, 0.2, 0.3], "bias": [0.0]}, to_text(START))
    adopted = gathered([(0, b"7", msgspec.json.encode(fitting(model, Shard(settings))))])
    whole, stored = Partition(settings, {}), dict[str, bytes]()
    for part in messages[:1000], messages[1000:1500]:
        first = Partition(settings, stored)
        assert first.observe(*gathered(part)) == whole.observe(*gathered(part))
        stored |= first.changed()
    assert first.adopt(*adopted) == whole.adopt(*adopted) == Produced()
    stored |= first.changed()
    again = Partition(settings, stored)
    rest = gathered(messages[1500:])
    produced = whole.observe(*rest)
    assert again.observe(*rest) == produced
    assert {json.loads(update)["global_version"] for _, update in taken_apart(produced.updates)} >= {7}


def test_with_another_learner_devices_learn_anew_and_count_on() -> None:
    messages = [(i, b"", value) for i, value in enumerate(readings(WHOLE))]
    model = GlobalModel(7, 7, 0.5, 3, "fedavg", {"weights": [0.1, 0.2, 0.3], "bias": [0.0]}, to_text(START))
    before, stored = Partition(Settings(), {}), dict[str, bytes]()
    before.adopt(*gathered([(0, b"7", msgspec.json.encode(model))]))
    trained = [json.loads(text) for _, text in taken_apart(before.observe(*gathered(messages[:1010])).updates)]
    stored |= before.changed()

    changed = Partition(talkative("drift"), stored)
    stored |= changed.changed()
    produced = changed.observe(*gathered(messages[1010:2000]))
    updates = [json.loads(text) for _, text in taken_apart(produced.updates)]
    for device in (f"device_{row}" for row in range(4)):
        earlier = [update["model_version"] for update in trained if update["device_id"] == device]
        later = [update["model_version"] for update in updates if update["device_id"] == device]
        assert later == list(range(len(earlier) + 1, len(earlier) + len(later) + 1))
    # It has forgotten the other learner's global model, and nothing of it is left in the store.
    assert {update["global_version"] for update in updates} == {0}
    assert all(name.endswith('["c0","c1"]') for update in updates for name in update["parameters"])
    stored |= changed.changed()
    rest = gathered(messages[2000:])
    assert Partition(talkative("drift"), stored).observe(*rest) == changed.observe(*rest)


@pytest.mark.parametrize("separator", ["\u2028", "\x85", " "])
def test_what_elsewhere_ends_a_line_is_part_of_a_name(separator: str) -> None:
    partition = Partition(Settings(min_readings=2, train_readings=4), {})
    name = f"pump{separator}1"
    values = [1.0, 1.1, 0.9, 9.0]
    if separator == "\x85":  # a control character is no part of a name
        produced = partition.observe(*gathered([(0, b"k", msgspec.json.encode(Reading(name, 1.0, to_text(START))))]))
        assert [(offset, key) for offset, _, key, _ in letters(produced)] == [(0, b"k")]
        return
    messages = [(i, b"", msgspec.json.encode(Reading(name, v, to_text(START + i)))) for i, v in enumerate(values)]
    produced = partition.observe(*gathered(messages))
    assert {key for key, _ in taken_apart(produced.anomalies)} == {name}
    assert [key for key, _ in taken_apart(produced.updates)] == [name]


def test_bad_messages_are_dead_letters_and_leave_their_neighbours_alone() -> None:
    good = readings(WHOLE)[:4]
    packed = b"\n".join([good[1], b'{"device_id": 1}', good[2]])
    bad = f"{MESSAGE}{FIELD}".encode() + b"\xff\x00"
    partition = Partition(Settings(train_readings=1), {})
    produced = partition.observe(
        *gathered([(10, b"a", good[0]), (11, b"\xe9", bad), (12, b"c", packed), (15, b"d", b""), (16, b"", good[3])])
    )
    found = letters(produced)
    assert [(offset, key, value) for offset, _, key, value in found] == [
        (11, b"\xe9", bad), (12, b"c", b'{"device_id": 1}'), (15, b"d", b"")
    ]  # fmt: skip
    assert found[1][1].startswith("line 2: ")
    assert sum(json.loads(text)["samples_processed"] for _, text in taken_apart(produced.updates)) == 4


@pytest.mark.parametrize("model", [b"{", b"null", b'{"version": 1}', None])
def test_what_is_no_global_model_of_this_learner_is_a_dead_letter(model: bytes | None) -> None:
    if model is None:
        model = msgspec.json.encode(GlobalModel(1, 1, 0.5, 3, "fedavg", {"other": [0.1]}, to_text(START)))
    produced = Partition(Settings(), {}).adopt(*gathered([(3, b"1", model)]))
    ((offset, reason, key, value),) = letters(produced)
    assert (offset, key, value) == (3, b"1", model)
    assert "not a global model of this learner" in reason
