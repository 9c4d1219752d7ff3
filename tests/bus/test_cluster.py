"""A look at real Kafka: topics, leaders, offsets, lag, and messages as they are."""

import pytest

from flead.bus.clients import kafka_options
from flead.errors import FleadError
from flead.settings import Settings
from tests.platform_fixtures import require_platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def test_topics_lag_and_messages(topics: Settings) -> None:
    require_platform()
    from confluent_kafka import Consumer, Producer, TopicPartition

    from flead.bus.cluster import look, newest_messages

    producer = Producer({"bootstrap.servers": topics.kafka_servers})
    for number in range(5):
        producer.produce("dead-letters", b"\xff\xfe" if number == 4 else b"x" * 3000, f"key {number}", partition=1,
                         headers={"reason": "not a reading"})  # fmt: skip
    assert producer.flush(30) == 0
    reader = {"bootstrap.servers": topics.kafka_servers, "group.id": "behind", "enable.auto.commit": False}
    consumer = Consumer(reader)
    consumer.commit(offsets=[TopicPartition("dead-letters", 1, 2)], asynchronous=False)
    consumer.close()

    cluster = look(kafka_options(topics))
    assert [broker.id for broker in cluster.brokers] == [1, 2, 3, 4]
    assert sum(broker.is_controller for broker in cluster.brokers) == 1
    found = {topic.name: topic for topic in cluster.topics}
    assert {"edge-iiot-stream", "anomalies", "control"} <= found.keys()
    readings = found["edge-iiot-stream"]
    assert (len(readings.partitions), readings.out_of_sync) == (16, 0)
    assert [partition.leader for partition in readings.partitions[:5]] == [1, 2, 3, 4, 1]
    assert all(len(partition.in_sync) == 3 for partition in readings.partitions)
    assert found["dead-letters"].messages == 5
    assert [(lag.topic, lag.committed, lag.lag) for lag in cluster.lags if lag.group == "behind"] == [
        ("dead-letters", 2, 3)
    ]

    newest, second = newest_messages(kafka_options(topics), "dead-letters", 1, 2)
    assert (newest.offset, newest.text, newest.hex, newest.key) == (4, None, "ff fe", "key 4")
    assert (second.text, second.size, second.headers) == ("x" * 2000, 3000, {"reason": "not a reading"})
    assert newest_messages(kafka_options(topics), "dead-letters", 0, 5) == []
    with pytest.raises(FleadError, match="does not respond as expected"):
        newest_messages(kafka_options(topics), "no-such-topic", 0, 5)


def test_no_kafka_is_said_soon() -> None:
    require_platform()
    from flead.bus.cluster import look

    with pytest.raises(FleadError, match=r"127\.0\.0\.1:1 does not respond"):
        look({"bootstrap.servers": "127.0.0.1:1"})
