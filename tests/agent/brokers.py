"""A real MQTT broker, one who answers agents as the gateway does, and a proxy that drops, delays and cuts."""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from flead.codec.answers import answer
from flead.codec.parcels import opened
from flead.stack.checks import listens
from flead.stack.mqtt import program as mosquitto_program
from flead.storage.server.exclusive import free_port
from flead.topics import ACK, ENROL, STATE, UP, mqtt_topic
from flead.trust.envelope import Envelope
from tests.platform_fixtures import eventually

PUBLISH, QOS = 3, 0b110
"""In the first byte of an MQTT packet."""


@contextmanager
def mosquitto(directory: Path) -> Iterator[int]:
    """The port of a mosquitto of this test's own."""
    program = mosquitto_program() or ""
    if not program:
        hint = "mosquitto is not installed"
        pytest.fail(hint) if os.environ.get("CI") else pytest.skip(hint)
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n")
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: listens(port)(0), 20)
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Platform:
    """Takes what agents publish, in its order, and says so; publishes global models."""

    def __init__(self, port: int) -> None:
        self.received: list[tuple[str, Envelope]] = []
        """Kafka's topic and the envelope of each record, in their order."""
        self.states: list[dict[str, Any]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "platform")
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe("flead/+/+", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(10)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        _, agent, kind = message.topic.split("/")
        if kind == STATE:
            self.states.append(msgspec.json.decode(message.payload))
        if kind not in (UP, ENROL):
            return
        records = opened(agent, bytes(message.payload))
        self.received += records
        if kind == UP:
            told = answer([envelope.sequence for _, envelope in records], [])
            client.publish(mqtt_topic(agent, ACK), told, 1)


@contextmanager
def platform(port: int) -> Iterator[Platform]:
    standing = Platform(port)
    try:
        yield standing
    finally:
        standing.stop()


def packets(said: bytes) -> Iterator[tuple[str, bytes, int]]:
    """Topic, payload and size on the wire of each MQTT packet; what is no PUBLISH has neither topic nor payload."""
    at = 0
    while at < len(said):
        start, head, length, shift = at, said[at], 0, 0
        while shift == 0 or said[at] > 127:
            at += 1
            length |= (said[at] & 127) << shift
            shift += 7
        at += 1
        body, at = said[at : at + length], at + length
        if head >> 4 == PUBLISH:
            end = 2 + int.from_bytes(body[:2], "big")
            numbered = 2 if head & QOS else 0
            yield body[2:end].decode(), body[end + numbered :], at - start
        else:
            yield "", b"", at - start


class Proxy:
    """Between an agent and the broker: ``delay`` in seconds, ``dark`` (nothing passes), :meth:`cut`; it listens."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.sent, self.answered = bytearray(), bytearray()
        """Everything that went to the broker, and everything that came from it."""
        self.delay = 0.0
        self.dark = False
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def cut(self) -> None:
        """Break all connections, in the middle of what is being said."""

        def abort() -> None:
            for writer in list(self._writers):
                writer.transport.abort()

        self._loop.call_soon_threadsafe(abort)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        serve = asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self._server = asyncio.run_coroutine_threadsafe(serve, self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._server.close)
        time.sleep(0.1)  # the aborted connections' last callbacks
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            self._loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.dark:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, back}
        await asyncio.gather(self._pass(reader, back, self.sent), self._pass(there, writer, self.answered))
        self._writers -= {writer, back}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
        try:
            while data := await reader.read(1 << 16):
                while self.dark:
                    await asyncio.sleep(0.05)
                if self.delay:
                    await asyncio.sleep(self.delay)
                kept += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
