"""What sensors publish at a real broker: nested, from before, and while the agent was away."""

from collections.abc import Iterator
from functools import partial

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from flead.agent.address import parse
from flead.agent.mqtt_source import MqttSource
from flead.columns import Chunk, Devices
from flead.look import look_at
from flead.records import to_text
from flead.settings import Settings
from tests.agent import brokers
from tests.platform_fixtures import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with brokers.mosquitto(tmp_path_factory.mktemp("mosquitto")) as port:
        yield port


@pytest.fixture
def sensor(broker: int) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


class Listener:
    """A source, and what it has given."""

    def __init__(self, port: int, topics: str, client: str) -> None:
        address = f"mqtt://127.0.0.1:{port}/{topics}"
        self.source = MqttSource(Settings(), address, parse(address, "source"), client)
        self.devices = Devices()
        self.chunks: list[Chunk] = []
        self.source.open(self.devices, None)
        eventually(lambda: self.source._connection.up, 20)

    def take(self, readings: int) -> bool:
        """Whether so many readings have come by now."""
        chunk = self.source.next_batch(1000, None)
        assert chunk is not None
        self.chunks.append(chunk)
        return sum(each.batch.size for each in self.chunks) >= readings

    @property
    def times(self) -> list[str]:
        return [to_text(time) for chunk in self.chunks for time in chunk.batch.times.tolist()]


def test_retained_messages_of_before_are_no_new_readings(broker: int, sensor: paho.Client) -> None:
    sensor.publish("old/tank/data", b'{"level":3.5}', 1, retain=True).wait_for_publish(10)
    for _ in range(2):
        listener = Listener(broker, "old/+/data", "restarted")
        sensor.publish("old/pump/data", b'{"level":4.5}', 1).wait_for_publish(10)
        eventually(partial(listener.take, 1), 20)
        assert [listener.devices.id(row) for row in range(len(listener.devices))] == ["pump"]
        assert listener.source.left_out() == {"retained messages, of before the agent listened": 1}
        listener.source.close()


def test_messages_of_while_the_agent_was_away_keep_their_own_times(broker: int, sensor: paho.Client) -> None:
    listener = Listener(broker, "late/+/data", "away")
    listener.source.close()
    for minute in range(20):
        payload = b'{"level":%d.5,"time":"2024-06-01T07:%02d:00Z"}' % (minute, minute)
        sensor.publish("late/tank/data", payload, 1).wait_for_publish(10)
    listener = Listener(broker, "late/+/data", "away")
    eventually(lambda: listener.take(20), 20)
    assert listener.times == [f"2024-06-01T07:{minute:02}:00.000Z" for minute in range(20)]
    assert listener.devices.channels(0) == ("level",)
    listener.source.close()


def test_a_look_at_topics(broker: int, sensor: paho.Client) -> None:
    payload = b'{"Time":"2024-06-01T07:00:00","AM2301":{"Temperature":20.5},"Wifi":{"RSSI":80}}'
    sensor.publish("tele/attic/SENSOR", payload, 1, retain=True).wait_for_publish(10)

    def publish() -> bool:
        sensor.publish("tele/attic/SENSOR", payload, 1)
        return bool(look_at(Settings(), f"mqtt://127.0.0.1:{broker}/tele/+/SENSOR", 0.5).readings)

    eventually(publish, 20)
