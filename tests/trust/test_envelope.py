from itertools import pairwise

import msgspec
import pytest

from flead.trust.envelope import (
    LONGEST_PROOF,
    Item,
    envelopes,
    from_headers,
    headers,
    is_signed_by,
    seal,
    sign,
    signed_bytes,
)
from flead.trust.keys import SigningKey, to_text
from flead.trust.tree import grow, leaf_of, root_of

RECORD = b'{"device_id": "a",  "n":1}'


@pytest.fixture
def key(tmp_path):
    return SigningKey.load_or_create(tmp_path / "key.pem")


def items(count: int) -> list[Item]:
    return [Item("topic", 5 + i, RECORD + b" " * i) for i in range(count)]


def test_what_is_signed_names_its_topic_agent_and_number():
    assert signed_bytes("topic", "agent", 7, b"{}") == b"flead-1\0topic\0agent\0007\0{}"


def test_an_envelope_comes_out_of_kafka_as_it_went_in(key):
    for envelope in [
        seal(key, "topic", "agent", 7, RECORD),
        *envelopes("agent", items(5), sign(key, "agent", items(5))),
    ]:
        arrived = from_headers(headers(envelope), envelope.record)
        assert arrived == envelope
        assert is_signed_by(key.public, "topic", arrived)


def test_a_signature_holds_for_nothing_else(key, tmp_path):
    """Signed alone and with others."""
    other = SigningKey.load_or_create(tmp_path / "other").public
    together = envelopes("agent", items(5), sign(key, "agent", items(5)))
    for envelope in [seal(key, "topic", "agent", 7, RECORD), *together]:
        changes = {
            "agent": "agen", "sequence": envelope.sequence + 1, "signature": b"AAAA", "record": envelope.record + b" ",
            "proof": (*envelope.proof, leaf_of(b"")),
        }  # fmt: skip
        assert not is_signed_by(key.public, "other", envelope)
        assert not is_signed_by(other, "topic", envelope)
        for name, value in changes.items():
            assert not is_signed_by(key.public, "topic", msgspec.structs.replace(envelope, **{name: value})), name
    for one, another in pairwise(together):
        if one.proof != another.proof:
            assert not is_signed_by(key.public, "topic", msgspec.structs.replace(one, proof=another.proof))
        assert not is_signed_by(key.public, "topic", msgspec.structs.replace(one, record=another.record))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 64])
def test_every_leaf_leads_to_the_root_and_a_node_is_no_leaf(count):
    leaves = [leaf_of(b"%d" % i) for i in range(count)]
    root, proofs = grow(leaves)
    assert [root_of(leaf, proof) for leaf, proof in zip(leaves, proofs, strict=True)] == [root] * count
    assert max(map(len, proofs)) == (count - 1).bit_length()
    assert grow([*leaves, leaves[0]])[0] != root
    if count > 1:
        pair = sorted(leaves[:2])
        assert leaf_of(b"".join(pair)) != root_of(leaves[0], [leaves[1]])
        assert root_of(leaf_of(b"\1" + b"".join(pair)), proofs[0][1:]) != root


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
        [("flead-agent", b"a"), ("flead-sequence", b"1"), ("flead-signature", b"AA=A")],
        [("flead-agent", b"a"), ("flead-sequence", b"1"), ("flead-signature", b"AAAA"), ("flead-proof", b"AAAA")],
        [
            ("flead-agent", b"a"),
            ("flead-sequence", b"1"),
            ("flead-signature", b"AAAA"),
            ("flead-proof", to_text(bytes(32 * (LONGEST_PROOF + 1))).encode()),
        ],
    ],
)
def test_half_signed_is_refused(found):
    with pytest.raises(ValueError, match=r"flead|utf-8|base64"):
        from_headers(found, RECORD)
