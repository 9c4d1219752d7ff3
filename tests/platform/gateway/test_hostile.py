"""Nothing that is published by MQTT ends the gateway, or keeps what is honest from getting through."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from flead.settings import Settings
from flead.topics import ANOMALIES, LOCAL_UPDATES, STATE, UP, mqtt_topic
from tests.federation.test_rounds import update
from tests.platform.gateway.agents import Agent, item, mqtt_broker
from tests.platform.gateway.test_gateway import aggregator, alarm, gateway, reasons
from tests.platform_fixtures import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

SIGNATURE = bytes(64)
HOSTILE = [
    (UP, b"\0" + b'1u{"x":' + b"[" * 5000 + SIGNATURE),
    (UP, b"\0" + b'1u{"device_id":"\xff"}' + SIGNATURE),
    (UP, b"Z" * 2_000_000),
    (UP, b"\0" + b'1a{"device_id":"a","data":"' + b"x" * 1_500_000 + b'"}' + SIGNATURE),
    (STATE, b'{"x":' + b"[" * 5000),
    (STATE, b"\xff\xfe"),
]


def test_hostile_messages_cost_nothing_but_themselves(topics: Settings, tmp_path: Path) -> None:
    with ExitStack() as stack:
        for needed in (mqtt_broker(topics, tmp_path), gateway(topics), aggregator(topics, 3)):
            stack.enter_context(needed)
        hostile, good = (stack.enter_context(Agent(topics, name, tmp_path)) for name in ("hostile", "good"))
        for kind, payload in HOSTILE:
            hostile.client.publish(mqtt_topic("stranger", kind), payload, 1)
        hostile.client.publish("flead/" + "a" * 60_000 + "/up", b"\0" + b"1u{}" + SIGNATURE, 1)
        eventually(lambda: sum(reasons(topics).values()) >= 5)
        good.enrol("device_1")
        good.send(item(LOCAL_UPDATES, 1, update(1)), item(ANOMALIES, 2, alarm(1)))
        eventually(lambda: good.received == {1, 2})
    assert not any(reason.startswith("unforeseen") for reason in reasons(topics))
