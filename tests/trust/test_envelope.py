import msgspec
import pytest

from flead.trust.envelope import Envelope, from_headers, headers, is_signed_by, seal, signed_bytes
from flead.trust.keys import SigningKey

RECORD = b'{"device_id": "a",  "n":1}'


@pytest.fixture
def key(tmp_path):
    return SigningKey.load_or_create(tmp_path / "key.pem")


def test_what_is_signed_names_its_topic_agent_and_number():
    assert signed_bytes("topic", "agent", 7, b"{}") == b"flead-1\0topic\0agent\0007\0{}"


def test_an_envelope_keeps_its_records_bytes_on_both_ways(key):
    envelope = seal(key, "topic", "agent", 7, RECORD)

    by_mqtt = msgspec.json.decode(msgspec.json.encode(envelope), type=Envelope)
    by_kafka = from_headers(headers(envelope), RECORD)

    for arrived in (by_mqtt, by_kafka):
        assert arrived is not None
        assert bytes(arrived.record) == RECORD
        assert (arrived.agent, arrived.sequence) == ("agent", 7)
        assert is_signed_by(key.public, "topic", arrived)


def test_a_signature_holds_for_nothing_else(key, tmp_path):
    envelope = seal(key, "topic", "agent", 7, RECORD)
    changes = {"agent": "agen", "sequence": 8, "signature": "AAAA", "record": msgspec.Raw(RECORD + b" ")}

    assert not is_signed_by(key.public, "other", envelope)
    assert not is_signed_by(SigningKey.load_or_create(tmp_path / "other").public, "topic", envelope)
    for name, value in changes.items():
        assert not is_signed_by(key.public, "topic", msgspec.structs.replace(envelope, **{name: value})), name


def test_a_message_without_our_headers_is_not_signed():
    assert from_headers(None, RECORD) is None
    assert from_headers([("trace", b"1")], RECORD) is None


@pytest.mark.parametrize(
    "found",
    [
        [("flead-agent", b"a")],
        [("flead-signature", b"AAAA")],
        [("flead-agent", b"a"), ("flead-sequence", b"07"), ("flead-signature", b"AAAA")],
        [("flead-agent", b"a"), ("flead-sequence", b"-1"), ("flead-signature", b"AAAA")],
        [("flead-agent", b"\xff"), ("flead-sequence", b"1"), ("flead-signature", b"AAAA")],
        [("flead-agent", None), ("flead-sequence", b"1"), ("flead-signature", b"AAAA")],
    ],
)
def test_half_signed_is_refused(found):
    with pytest.raises(ValueError, match=r"flead|utf-8"):
        from_headers(found, RECORD)
