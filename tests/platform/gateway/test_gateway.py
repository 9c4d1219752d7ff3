"""The gateway between a real MQTT broker and real Kafka, with the aggregator that decides on enrolments."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from flead.codec.answers import answered
from flead.codec.parcels import parcels
from flead.federation.rounds import Rounds
from flead.learning.zscore.learner import ZScore
from flead.records import AgentState, Anomaly, Enrolment
from flead.settings import Settings
from flead.topics import ACK, ANOMALIES, CONTROL, ENROL, LOCAL_UPDATES, STATE, UP, mqtt_topic
from flead.trust.envelope import Item, envelopes, headers, sign
from flead.trust.keys import SigningKey
from flead.trust.verdict import Refusal
from tests.federation.test_rounds import update
from tests.platform.gateway.agents import NOW, Agent, item, mqtt_broker
from tests.platform_fixtures import eventually, in_a_thread, messages_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@contextmanager
def gateway(settings: Settings) -> Iterator[Any]:
    from flead.bus.service import Service
    from flead.platform.gateway.service import Gateway

    service = Service("gateway")
    found = Gateway(settings, service)
    with in_a_thread(service, found.run):
        eventually(lambda: found.ready)
        yield service


@contextmanager
def aggregator(settings: Settings, buffer: int) -> Iterator[Any]:
    from flead.bus.service import Service
    from flead.platform.aggregator.service import Aggregator

    service = Service("aggregator")
    found = Aggregator(settings, Rounds("fedbuff", buffer, ZScore.misfit), service)
    with in_a_thread(service, found.run):
        yield service


def count(service: Any, name: str, **labels: str) -> float:
    return float(service.metrics.get_sample_value(name, labels or None) or 0)


def alarm(device: int, second: int = 0) -> Anomaly:
    return Anomaly(f"device_{device}", 1, "value", 9.0, 4.0, "warning", "zscore", f"2025-11-07T15:22:{second:02d}.000Z")


def reasons(settings: Settings) -> Counter[str]:
    return Counter(dict(message.headers())["reason"].decode() for message in messages_of(settings, "dead-letters"))


def test_what_agents_sign_gets_through_and_nothing_else(topics: Settings, tmp_path: Path) -> None:
    with ExitStack() as stack:
        enter = stack.enter_context
        broker = ExitStack()
        enter(broker)
        broker.enter_context(mqtt_broker(topics, tmp_path))
        enter(gateway(topics))
        enter(aggregator(topics, 3))
        good, bad = enter(Agent(topics, "good", tmp_path)), enter(Agent(topics, "bad", tmp_path))

        # They speak in the same moment in which they enrol, and the first model that is made comes back to them.
        online = msgspec.json.encode(AgentState("good", "online", 3, 0, NOW))
        good.client.publish(mqtt_topic("good", STATE), online, 1, retain=True)
        good.send(*(item(LOCAL_UPDATES, sequence, update(sequence)) for sequence in range(3)))
        good.enrol("device_0", "device_1", "device_2")
        good.send(item(ANOMALIES, 3, alarm(1)))
        eventually(lambda: good.received == {0, 1, 2, 3})
        eventually(lambda: [model["version"] for model in good.models] == [1])
        eventually(
            lambda: (b"state/good", online) in [(said.key(), said.value()) for said in messages_of(topics, "agents")]
        )
        (message,) = messages_of(topics, "anomalies")
        assert message.value() == msgspec.json.encode(alarm(1))
        assert dict(message.headers())["flead-agent"] == b"good"

        # A second one may say nothing of the first one's devices, nor may it be the first one.
        bad.enrol("device_0", "device_7")
        bad.send(item(LOCAL_UPDATES, 0, update(7)))
        eventually(lambda: bad.received == {0})
        bad.send(item(LOCAL_UPDATES, 1, update(0)))
        bad.send(item(LOCAL_UPDATES, 2, update(0, 2)), agent="good")
        bad.send(item(LOCAL_UPDATES, 3, update(7, 2)), signed=item(LOCAL_UPDATES, 3, update(7, 3)))
        bad.send(item(ANOMALIES, 4, alarm(7)), signed=item(LOCAL_UPDATES, 4, alarm(7)))
        bad.client.publish("flead/good/up", b"{}", 1)
        other = SigningKey.load_or_create(tmp_path / "other.pem")
        good.enrol("device_9", key=other)
        eventually(lambda: len(bad.refused) + len(good.refused) == 4)
        assert (bad.refused, good.refused) == (
            {1: Refusal.FOREIGN, 3: Refusal.WRONG, 4: Refusal.WRONG},
            {2: Refusal.WRONG},
        )
        eventually(lambda: reasons(topics).total() == 6)
        assert reasons(topics)["not a parcel of signed records: packed in a form that is not known here"] == 1
        assert reasons(topics)["comes with another key than the one that its name is enrolled with"] == 1

        # The MQTT broker goes and comes back, and so do they all.
        broker.close()
        broker.enter_context(mqtt_broker(topics, tmp_path))
        eventually(lambda: bad.client.is_connected() and good.client.is_connected())

        def repeated() -> bool:  # like an agent does with what is not acknowledged
            good.send(item(LOCAL_UPDATES, 5, update(2, 2)))
            return 5 in good.received

        eventually(repeated)


def test_the_aggregator_takes_an_update_once_and_believes_no_other(
    topics: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from confluent_kafka import Producer

    from flead.bus.agent_news import AgentsTopic
    from flead.bus.clients import kafka_options

    key, other = (SigningKey.load_or_create(tmp_path / name) for name in ("key", "other"))
    producer = Producer({"bootstrap.servers": topics.kafka_servers, "enable.idempotence": True})

    def send(topic: str, record: msgspec.Struct, key: SigningKey | None, agent: str = "a") -> None:
        value = msgspec.json.encode(record)
        items = [Item(topic, 0, value), Item(topic, 1, b"{}"), Item(topic, 2, b"{}")]  # signed in company
        signed = headers(envelopes(agent, items, sign(key, agent, items))[0]) if key else None
        # All in one partition: what completes a round comes behind what is refused before it.
        producer.produce(topic, value, getattr(record, "device_id", agent), 0, headers=signed)
        assert producer.flush(30) == 0

    def versions() -> list[int]:
        return [
            msgspec.json.decode(message.value())["version"] for message in messages_of(topics, "global-model-updates")
        ]

    monkeypatch.setattr("flead.platform.aggregator.admission.PATIENCE_SECONDS", 0.0)  # nobody enrols in a moment
    monkeypatch.setattr("flead.platform.aggregator.admission.BURST_SECONDS", 10_000)
    slow = topics.model_copy(update={"device_updates": 0.0003})  # three at once, and none more for an hour
    with aggregator(slow, 2) as service:
        send("control", Enrolment("a", key.public, ["device_0"], NOW), key)
        follower = AgentsTopic(kafka_options(topics))
        eventually(lambda: bool(follower.news()))
        follower.close()
        send("local-model-updates", update(0), None)
        send("local-model-updates", update(0), key, agent="nobody")
        send("local-model-updates", update(0), other)
        send("local-model-updates", update(5), key)
        for _ in range(3):
            send("local-model-updates", update(0), key)
        send("local-model-updates", update(1), None)  # a device that Flink trains
        eventually(lambda: versions() == [1])
        assert count(service, "flead_updates_total") == 2
        assert count(service, "flead_updates_repeated_total") == 2
        assert reasons(topics) == dict.fromkeys(
            (Refusal.UNSIGNED_DEVICE, Refusal.UNKNOWN, Refusal.WRONG, Refusal.FOREIGN), 1
        )
    # Another one knows how far the device was taken, and that its allowance is nearly used up.
    with aggregator(slow, 2) as service:
        send("local-model-updates", update(0), key)
        for version in range(2, 6):
            send("local-model-updates", update(0, version, loss=float(version)), key)
        send("local-model-updates", update(1, 2), None)
        eventually(lambda: versions() == [1, 2])
        assert count(service, "flead_updates_repeated_total") == 1
        assert reasons(topics)["more updates of the device than it may send"] == 2


def test_a_thousand_agents_come_at_once(topics: Settings, tmp_path: Path) -> None:
    """Each with a device and two updates, through one connection to the broker: what counts is the gateway's work."""
    agents = [f"agent-{number}" for number in range(1000)]
    keys = [SigningKey.load_or_create(tmp_path / agent) for agent in agents]
    received: Counter[str] = Counter()
    refused: list[str] = []

    def heard(client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        told = answered(bytes(message.payload))
        received[message.topic] += len(list(told.sequences()))
        refused.extend(each.reason for each in told.refused)

    with mqtt_broker(topics, tmp_path), gateway(topics), aggregator(topics, 1000):
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="all", protocol=mqtt.MQTTv311)
        client.max_inflight_messages_set(200)
        client.on_message = heard
        client.on_connect = lambda client, *_: client.subscribe(mqtt_topic("+", ACK), 1)
        client.connect(topics.mqtt_host, topics.mqtt_port)
        client.loop_start()
        began = time.monotonic()
        try:
            for number, (agent, key) in enumerate(zip(agents, keys, strict=True)):
                request = item(CONTROL, 0, Enrolment(agent, key.public, [f"device_{number}"], NOW))
                client.publish(mqtt_topic(agent, ENROL), next(parcels(key, agent, [request])), 1, retain=True)
                for version in (1, 2):
                    said = item(LOCAL_UPDATES, version, update(number, version))
                    client.publish(mqtt_topic(agent, UP), next(parcels(key, agent, [said])), 1)
            eventually(lambda: received.total() + len(refused) >= 2000, 120)
            print(f"a thousand agents: {time.monotonic() - began:.1f} s")
            assert (len(received), set(received.values()), refused) == (1000, {2}, [])
            eventually(lambda: len(messages_of(topics, "global-model-updates")) > 0)
        finally:
            client.disconnect()
            client.loop_stop()
