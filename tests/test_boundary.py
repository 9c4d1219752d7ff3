"""Whatever the bytes are, they become a record that every part can hold, or a reason."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from flead.boundary import LONGEST_TEXT, MOST_BYTES, MOST_DEPTH, MalformedError, name_of, record, time_of
from flead.records import AgentState, Anomaly, Enrolment, GlobalModel, LocalUpdate, Rollback

KINDS = [Anomaly, LocalUpdate, GlobalModel, Rollback, Enrolment, AgentState]
UPDATE = {
    "device_id": "pump_7", "model_version": 3, "global_version": 2, "accuracy": 0.9, "loss": 0.3,
    "samples_processed": 50, "parameters": {"weights": [0.5, -0.25], "bias": [1.0]},
    "timestamp": "2026-03-01T12:00:00.000Z",
}  # fmt: skip
ANOMALY = {
    "device_id": "pump_7", "broker_id": 1, "channel": "flow", "value": 3.5, "z_score": 6.0, "severity": "critical",
    "detector": "zscore", "timestamp": "2026-03-01T12:00:00.000Z", "contributions": {"flow": 1.0},
}  # fmt: skip


def update(**changes: object) -> bytes:
    return json.dumps(UPDATE | changes).encode()


def anomaly(**changes: object) -> bytes:
    return json.dumps(ANOMALY | changes).encode()


def test_a_record_passes_as_it_is() -> None:
    assert record(LocalUpdate, update()) == LocalUpdate(**UPDATE)  # type: ignore[arg-type]
    assert record(Anomaly, anomaly()).contributions == {"flow": 1.0}


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (Anomaly, None, "Input data was truncated"),
        (Anomaly, b'{"device_id":"\xff"}', "not UTF-8: byte 14 is 0xff"),
        (LocalUpdate, b'{"x":' + b"[" * 5000, "nested too deeply"),
        (Rollback, b"{" + b" " * MOST_BYTES + b"}", "too long for a record"),
        (Anomaly, anomaly(channel="a\0b"), r"channel has control characters: 'a\x00b'"),
        (Anomaly, anomaly(device_id="a\x1b[2J"), "device_id has control characters"),
        (Anomaly, anomaly(contributions={"a\0": 1.0}), "a name in contributions has control characters"),
        (LocalUpdate, update(parameters={"w\n": [1.0]}), "a name in parameters has control characters"),
        (LocalUpdate, update(parameters={"w" * 257: [1.0]}), "a name in parameters of 257 bytes is too long"),
        (
            LocalUpdate,
            update(parameters={"w": [1e200]}),
            "parameters holds a number that is not finite, or beyond 1e+100",
        ),
        (
            Rollback,
            b'{"timestamp":"2026-03-01T12:00:00Z","rollback_to":1' + b"0" * 400 + b"}",
            "rollback_to holds a number",
        ),
        (LocalUpdate, update(loss=-1e101), "loss holds a number"),
        (LocalUpdate, update(samples_processed=2**31), "samples_processed"),
        (Anomaly, anomaly(detector="d" * (LONGEST_TEXT + 1)), "detector of 1025 bytes is too long"),
        (Anomaly, anomaly(timestamp="10000000-01-01T00:00:00Z"), "is no ISO 8601 time"),
        (Anomaly, anomaly(timestamp="2025-W01-1"), "is no ISO 8601 time"),
        (Anomaly, anomaly(timestamp="9999-12-31T23:59:59.999Z"), "is not of the years 1970 to 2261"),
        (Anomaly, anomaly(timestamp="1969-12-31T23:59:59.999Z"), "is not of the years 1970 to 2261"),
        (Anomaly, anomaly(timestamp="2026-02-30T00:00:00Z"), "is no ISO 8601 time"),
    ],
)
def test_what_no_part_could_hold_is_refused_in_words(kind, text, reason) -> None:
    with pytest.raises(MalformedError) as refused:
        record(kind, text)
    assert reason in str(refused.value)


def test_brackets_in_texts_are_not_depth() -> None:
    assert record(Anomaly, anomaly(channel="[" * 50)).channel == "[" * 50
    assert record(Anomaly, anomaly(extra=[[]] * 50)).channel == "flow"
    deep = json.loads("[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1))
    assert record(Anomaly, anomaly(extra=deep)).channel == "flow"
    with pytest.raises(MalformedError, match="nested too deeply"):
        record(Anomaly, anomaly(extra=[deep]))


def test_times() -> None:
    assert time_of("1970-01-01T00:00:01Z") == 1000
    assert time_of("2026-03-01T13:00:00+01:00") == time_of("2026-03-01T12:00Z") == 1_772_366_400_000
    assert time_of("2261-12-31T23:59:59.999Z") > time_of("2261-12-31T23:59:59.998Z")


@pytest.mark.parametrize("name", ["", "a\0b", "a\u0085b", "ü" * 129])
def test_no_name(name) -> None:
    with pytest.raises(MalformedError):
        name_of(name)


VALID = [update(), anomaly(), json.dumps({"rollback_to": 3, "timestamp": "2026-03-01T12:00:00.000Z"}).encode()]
bytes_like_records = st.one_of(
    st.binary(max_size=200),
    st.tuples(st.sampled_from(VALID), st.integers(0, 250), st.binary(max_size=6)).map(
        lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + len(drawn[2]) :]
    ),
)


@hypothesis_settings(deadline=None, derandomize=True, max_examples=400, database=None)
@given(st.sampled_from(KINDS), bytes_like_records)
def test_nothing_but_a_record_or_a_reason_comes_out(kind, text) -> None:
    try:
        found = record(kind, text)
    except MalformedError:
        return
    again = msgspec.json.encode(found)
    assert record(kind, again) == found
    assert b"\0" not in again
