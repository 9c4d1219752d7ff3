"""Messages that are no readings, among those that are."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from flead.codec.decode import Decoder
from flead.columns import Devices
from flead.settings import Settings
from flead.topics import READINGS

if TYPE_CHECKING:
    from tests.platform.whole.fleet import Fleet

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

COUNT = 10_000
GOOD = '{"device_id":"stranger","data":1.5,"timestamp":"2025-11-07T15:22:31.000Z"}'


def malformed(chance: random.Random) -> Iterator[bytes]:
    """Endlessly, messages that no decoder may take, of many kinds."""
    while True:
        cut = chance.randrange(1, len(GOOD) - 1)
        yield from (
            b"",
            b"\n",
            b"null",
            b"[]",
            b"\x00",
            b"NaN",
            b"\xff\xfe" + GOOD.encode("utf-16-le"),
            chance.randbytes(chance.randrange(1, 60)),
            "\u0100\u0101{}".encode(),
            GOOD[:cut].encode(),
            GOOD[cut:].encode(),
            b"\x80" + GOOD.encode(),
            GOOD.replace("1.5", "NaN").encode(),
            GOOD.replace("1.5", "1e101").encode(),
            GOOD.replace("1.5", '"high"').encode(),
            GOOD.replace("1.5", "{}").encode(),
            GOOD.replace("1.5", "[1,2]").encode(),
            GOOD.replace("1.5", "0x10").encode(),
            GOOD.replace('"stranger"', str(chance.randrange(100))).encode(),
            GOOD.replace("stranger", "x" * 300).encode(),
            GOOD.replace("stranger", "a\\u0000b").encode(),
            GOOD.replace("2025-11-07", "2025-13-07").encode(),
            GOOD.replace("device_id", "device").encode(),
            GOOD.replace("}", ',"label":7}').encode(),
            (GOOD + GOOD).encode(),
            (GOOD[:-1] + ',"more":' + "[" * 2000 + "]" * 2000).encode(),
            ("<reading>" + GOOD * chance.randrange(1, 30) + "</reading>").encode("utf-16"),
        )


def test_every_good_message_counts_and_every_bad_one_is_kept(platform: Settings, fleet: "Fleet") -> None:
    chance = random.Random(3)
    bad = malformed(chance)
    sent: list[tuple[int, bytes, bytes]] = []
    already = len(fleet.seen.dead_letters)
    for _ in range(50):
        for value, _ in zip(bad, range(COUNT // 50), strict=False):
            partition, key = chance.randrange(platform.partitions), chance.choice([b"", b"device_7", b"\xff\x00"])
            fleet.send(partition, key, value)
            sent.append((partition, key, value))
        fleet.speak(1)
    # The test is right in calling them bad.
    refused = Decoder(Devices()).messages([value for _, _, value in sent])
    assert (len(refused.rejected), refused.batch.size, len(sent)) == (COUNT, 0, COUNT)

    fleet.send(3, None, None)  # neither key nor value: Kafka's tombstone
    sent.append((3, b"", b""))
    fleet.assert_exact(dead_letters=already + len(sent))

    letters = fleet.seen.dead_letters[already:]
    headers = [dict(letter.headers() or []) for letter in letters]
    found = [
        (int(header["partition"]), letter.key() or b"", letter.value() or b"")
        for header, letter in zip(headers, letters, strict=True)
    ]
    assert Counter(found) == Counter(sent)
    assert {header["topic"] for header in headers} == {READINGS.encode()}
    assert all(header["reason"] for header in headers)
    places = {(header["partition"], header["offset"]) for header in headers}
    assert len(places) == len(sent)
