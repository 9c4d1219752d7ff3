"""The topic of agents, followed on real Kafka."""

from types import SimpleNamespace

import pytest

from flead.settings import Settings

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def test_what_was_read_when_the_time_was_up_comes_with_the_next_news(
    topics: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from confluent_kafka import KafkaException, Producer

    from flead.bus.agent_news import AgentsTopic
    from flead.bus.clients import kafka_options

    sender = Producer({"bootstrap.servers": topics.kafka_servers, "enable.idempotence": True})
    for n in range(3):
        sender.produce("agents", b"{}", f"state/{n}")
    assert sender.flush(30) == 0
    topic = AgentsTopic(kafka_options(topics))
    try:
        with monkeypatch.context() as patched:
            # Time is up with the first message.
            clock = SimpleNamespace(monotonic=lambda: 100.0 if topic._found else 0.0)
            patched.setattr("flead.bus.agent_news.time", clock)
            with pytest.raises(KafkaException):
                topic.news(15)
        assert [key for key, _ in topic.news()] == ["state/0", "state/1", "state/2"]
        assert topic.news() == []
    finally:
        topic.close()
