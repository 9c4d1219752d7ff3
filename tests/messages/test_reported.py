"""Messages that people have reported, where the folder of cases is present beside the real data."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from flead.messages.reader import Messages
from flead.messages.topics import Pattern
from flead.records import to_milliseconds
from tests.ingest.drain import real_data

NOW = to_milliseconds("2025-03-03T12:00:00Z")


def readings(name: str, pattern: str) -> dict[str, list[dict[str, Any]]]:
    """Device -> the readings of a case's messages; skips the test where it is absent."""
    path = real_data("../cases") / name / "messages.txt"
    if not path.exists():
        pytest.skip(f"no case at {path}")
    messages, topics = Messages(), Pattern(pattern)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in path.read_bytes().splitlines():
        topic, _, payload = line.partition(b" ")
        if not payload or topic.startswith(b"("):
            continue
        for read in messages.read(payload, topic.decode(), topics.place(topic.decode()), NOW):
            record = msgspec.json.decode(read)
            found[record["device_id"]].append(record)
    return found


def test_a_number_that_json_lacks_takes_nothing_with_it() -> None:
    assert readings("27-mqtt-nan", "dev/+/data")["bath"][0]["data"] == {"humidity": 45}


def test_nested_objects() -> None:
    found = readings("28-tasmota-energy", "tele/+/SENSOR")
    assert set(found["plug_3"][0]["data"]) == {
        f"ENERGY.{name}" for name in ("Total", "Today", "Power", "Factor", "Voltage", "Current")
    }
    assert found["th_1"][0]["data"] == {"AM2301.Temperature": 21.5, "AM2301.Humidity": 47.1}
    assert to_milliseconds(found["th_1"][0]["timestamp"]) == to_milliseconds("2025-03-03T08:00:20")


def test_times_and_values_apart() -> None:
    found = readings("30-thingsboard-ts-values", "dev/+/data")
    assert found["tb"][0]["data"] == {"temperature": 21.5, "humidity": 47}
    assert found["flat"][0]["data"] == {"temperature": 21.5}
    assert to_milliseconds(found["tb"][0]["timestamp"]) == 1741000000000


def test_numbers_in_quotes() -> None:
    found = readings("32-numbers-as-text", "dev/+/data")
    assert found["chip"][0]["data"] == {"temperature": 19.43, "battery": 100}
    assert found["water"][0]["data"] == {"value": 317.3988, "rate": 0.00033}
    assert found["quoted"][0]["data"] == 21.5


def test_fields_and_tags() -> None:
    (record,) = readings("34-telegraf-json", "dev/+/data")["gw1"]
    assert record["data"] == {"temperature": 21.5, "rpm": 1200}
    assert to_milliseconds(record["timestamp"]) == 1741000000000


def test_a_backlog_keeps_its_own_times() -> None:
    found = readings("36-late-with-time", "ret/+/data")["tank_3"]
    times = [to_milliseconds(record["timestamp"]) for record in found]
    assert len(times) == 40
    assert {later - earlier for earlier, later in pairwise(times)} == {60_000}
