"""Packed text comes back to the byte, whatever it is, and what nobody has packed is refused."""

from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flead.codec import packing
from flead.codec.packing import FORM, MOST, pack, unpack
from flead.records import Anomaly, LocalUpdate

NOW = "2026-11-07T15:22:31.000Z"
UPDATE = LocalUpdate(
    "pump_7", 12, 3, 0.98, 0.05234123412341234, 50,
    {"weights": [1.2345678901234567, -0.4345678901234561, 1.5e-17], "bias": [-0.12345678901234568]}, NOW,
)  # fmt: skip
ALARM = Anomaly("pump_7", 1, "value", None, 4.123456789012345, "warning", "zscore", NOW, threshold=2.5)


def test_a_short_record_becomes_a_third():
    for record, most in ((UPDATE, 95), (ALARM, 60)):
        text = msgspec.json.encode(record)
        assert unpack(pack(text)) == text
        assert len(pack(text)) <= most


@given(st.one_of(
    st.binary(max_size=300),
    st.lists(st.floats()).map(lambda numbers: ",".join(map(repr, numbers)).encode()),
    st.from_regex(rb"([-0-9.e,]|\d{5}\.\d{9}){0,30}", fullmatch=True),
))  # fmt: skip
def test_every_text_comes_back(text):
    assert unpack(pack(text)) == text


@pytest.mark.parametrize(
    "text", [b"01.123456789", b"-0.000000000", b"1.1234567890123456789", b"1.123456789e-07", b"0.1" * 9]
)
def test_digits_that_python_would_write_otherwise_stay_as_they_are(text):
    assert unpack(pack(text)) == text


def test_what_is_not_packed_is_refused():
    good = pack(msgspec.json.encode(UPDATE))
    for wrong in (
        b"",
        b"{}",
        b"\2" + good[1:],
        good[:-1],
        good + b"\0",
        good[: len(good) // 2],
        FORM,
        FORM + b"\xff" * 20,
    ):
        with pytest.raises(ValueError, match="packed"):
            unpack(wrong)


def test_little_that_says_it_is_much_is_refused():
    with pytest.raises(ValueError, match="far too long"):
        unpack(pack(b" " * (MOST + 1)))


def test_another_dictionary_is_another_form():
    """Agents and gateways of different ages must mean the same by a form: change FORM with the dictionary."""
    found = sha256(packing._DICTIONARY).hexdigest()[:16]
    assert (FORM, found) == (b"\1", "51b4619e4888a985")
