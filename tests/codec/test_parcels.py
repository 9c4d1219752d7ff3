"""What agents and the gateway say to each other by MQTT."""

import pytest

from flead.codec.answers import Refused, answer, answered
from flead.codec.packing import pack
from flead.codec.parcels import MOST, MOST_BYTES, SIGNATURE, opened, parcels
from flead.topics import ANOMALIES, CONTROL, LOCAL_UPDATES
from flead.trust.envelope import Item, is_signed_by
from flead.trust.keys import SigningKey


@pytest.fixture
def key(tmp_path):
    return SigningKey.load_or_create(tmp_path / "key.pem")


def parcel(key: SigningKey, agent: str, items: list[Item]) -> bytes:
    (found,) = parcels(key, agent, items)
    return found


def items(count: int) -> list[Item]:
    topics = (LOCAL_UPDATES, ANOMALIES, CONTROL)
    return [Item(topics[i % 3], 7 + i * i, b'{"n":%d, "x":0.123456789}' % i) for i in range(count)]


@pytest.mark.parametrize("count", [1, 2, 5, MOST])
def test_what_is_in_a_parcel_comes_out_each_signed_for_itself(key, count):
    found = opened("agent", parcel(key, "agent", items(count)))
    assert [Item(topic, one.sequence, one.record) for topic, one in found] == items(count)
    assert all(is_signed_by(key.public, topic, one) for topic, one in found)


def test_what_is_too_much_for_one_parcel_goes_in_several(key):
    for many in (items(2 * MOST + 1), [Item(ANOMALIES, i, b"{%b}" % bytes(MOST_BYTES // 2)) for i in range(3)]):
        found = [opened("agent", each) for each in parcels(key, "agent", many)]
        assert len(found) == 3
        assert [Item(topic, one.sequence, one.record) for each in found for topic, one in each] == many
    assert list(parcels(key, "agent", [])) == []


def test_under_another_name_nothing_of_it_is_signed(key):
    assert not any(is_signed_by(key.public, topic, one) for topic, one in opened("b", parcel(key, "a", items(3))))


def test_one_changed_byte_of_one_record_is_a_wrong_signature_of_all(key):
    """They share a root. What an agent has signed it sends again as it was; what another changes is nothing of its."""
    changed = [*items(2), Item(LOCAL_UPDATES, 11, b'{"n":3}')]
    payload = parcel(key, "agent", changed)[:-SIGNATURE] + parcel(key, "agent", items(3))[-SIGNATURE:]
    assert not any(is_signed_by(key.public, topic, one) for topic, one in opened("agent", payload))


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"1u", b"u{}", b"-1u{}", b"1x{}", b"1u{}\n", b"1u{}\n\n1u{}", b"1u{}\n" * MOST + b"1u{}"]
)
def test_what_is_no_parcel_is_refused(text):
    with pytest.raises(ValueError, match="no record"):
        opened("agent", pack(text) + bytes(SIGNATURE))


def test_what_is_not_even_packed_is_refused():
    for payload in (b"", b"{}", bytes(SIGNATURE), b'{"agent":"a","sequence":1,"signature":"","record":{}}' + bytes(64)):
        with pytest.raises(ValueError, match="packed"):
            opened("agent", payload)


def test_an_answer_names_what_follows_each_other_by_first_and_last():
    told = answered(answer([5, 3, 4, 9, 12, 11, 9], [Refused(7, "foreign")]))
    assert told.received == [(3, 5), (9, 9), (11, 12)]
    assert list(told.sequences()) == [3, 4, 5, 9, 11, 12]
    assert told.refused == [Refused(7, "foreign")]
    assert len(answer(range(1000, 1064), [])) < 20


@pytest.mark.parametrize("text", [b"", b"[]", b'{"received":[[1,1000000000000]]}', b'{"received":[[1]]}'])
def test_what_is_no_answer_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        answered(pack(text))
