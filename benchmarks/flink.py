"""Measure the training job on real Kafka and Flink: ``python -m benchmarks.flink``. Takes about ten minutes.

Everybody reads the same backlog, exactly once, with two slots or processes, one contender after the other. The rate is
that of committed updates, each of which stands for the readings that it is made of: from the first one on that a
reader of committed messages sees after a quarter of the work (the warming up) until the last.

Needs `make setup EXTRA=platform`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks import environment, workload
from benchmarks.report import ROOT, Result, short
from flead import settings as configuration
from flead.bus.topics import ensure, topics
from flead.layout import Layout
from flead.placement import partition_of
from flead.platform.training.group import GROUP
from flead.records import to_milliseconds, to_text
from flead.settings import Settings
from flead.stack import checks, down, up
from flead.stack.flink import client_environment
from flead.stack.services import environment as variables
from flead.topics import ANOMALIES, LOCAL_UPDATES, READINGS, TRAINING_STATE

DEVICES = 2407
RATE = "readings/s"
CONTENDERS = Path(__file__).parent / "contenders"
SERVICES = ["topics", "flink-jobmanager", "flink-taskmanager"]
SECONDS = 600.0
"""That anything may take."""
SPEAKERS, PACE, WARM_SECONDS = 105, 525, 15.0


class Update(msgspec.Struct, frozen=True):
    """Of an update what all contenders must agree on. The reader shares the cores with them, and must be quick."""

    device_id: str
    model_version: int
    samples_processed: int
    timestamp: str


class Outputs(NamedTuple):
    """The topics that a contender writes to."""

    anomalies: str
    updates: str


OURS = Outputs(ANOMALIES, LOCAL_UPDATES)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flink", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small workloads, to try the benchmarks")
    parser.add_argument("--directory", type=Path, help="where the platform lies; by default a temporary directory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chosen, _ = configuration.load({"data_dir": arguments.directory or Path(folder)})
        up(chosen, SERVICES, tell=lambda line: print(line, file=sys.stderr))
        try:
            results = backlog(chosen, Path(folder), 40 if arguments.quick else 1)
            results += latency(chosen, 20 if arguments.quick else 120)
        finally:
            down(chosen)
    print("| name | what | measured |\n| --- | --- | --- |")
    for result in results:
        print(f"| `{result.name}` | {result.what} | {short(result.median)} {result.unit} |")


def backlog(settings: Settings, folder: Path, shrink: int) -> list[Result]:
    """All contenders on one backlog; ours again on one that is packed, a hundred readings a message."""
    rounds = 1600 // shrink // 50 * 50 or 50
    few = max(50, rounds // 8 // 50 * 50)
    print(f"sending {DEVICES * rounds:,} readings", file=sys.stderr)
    send(settings, rounds, pack=1)
    results, said = [], {}
    with naive(settings) as outputs:
        said["naive"] = updates = read(settings, outputs.updates, few * DEVICES)
        print(f"naive: {updates.rate:,.0f}/s", file=sys.stderr)
        results.append(Result("flink.naive", RATE, "Flink, a function called for every reading", [updates.rate]))
    with quix(settings, folder) as outputs:
        said["quix"] = updates = read(settings, outputs.updates, few * DEVICES)
        print(f"Quix Streams: {updates.rate:,.0f}/s", file=sys.stderr)
        results.append(Result("flink.quix-streams", RATE, "Quix Streams, stateful, two processes", [updates.rate]))
    with ours(settings):
        said["flead"] = updates = read(settings, OURS.updates, rounds * DEVICES)
        print(f"FLEAD: {updates.rate:,.0f}/s", file=sys.stderr)
        results.append(Result("flink.flead", RATE, "FLEAD, one reading a message", [updates.rate]))
    with group(settings):
        said["group"] = updates = read(settings, OURS.updates, rounds * DEVICES)
        print(f"FLEAD, a consumer group: {updates.rate:,.0f}/s", file=sys.stderr)
        results.append(Result("group.flead", RATE, "FLEAD, a consumer group of two", [updates.rate]))
    compare(said)
    more = 4 * rounds  # or it would be over within a checkpoint or two
    send(settings, more, pack=100, first=rounds)
    with ours(settings):
        packed = read(settings, OURS.updates, (rounds + more) * DEVICES, begin=rounds * DEVICES)
        print(f"FLEAD, packed: {packed.rate:,.0f}/s", file=sys.stderr)
        results.append(Result("flink.flead-packed", RATE, "FLEAD, a hundred readings a message", [packed.rate]))
    with group(settings):
        packed = read(settings, OURS.updates, (rounds + more) * DEVICES, begin=rounds * DEVICES)
        print(f"FLEAD, a consumer group, packed: {packed.rate:,.0f}/s", file=sys.stderr)
        results.append(Result("group.flead-packed", RATE, "FLEAD, a consumer group of two, packed", [packed.rate]))
    return results


class Read(NamedTuple):
    """What committed updates a contender has brought forth, and how fast."""

    rate: float
    trainings: dict[tuple[str, int], Update]


def read(settings: Settings, topic: str, readings: int, begin: int = 0) -> Read:
    """Wait until updates of so many readings are committed; ``begin`` of them were before."""
    consumer = _consumer(settings, topic)
    trainings: dict[tuple[str, int], Update] = {}
    decode = msgspec.json.Decoder(Update).decode
    samples, warm, deadline = 0, begin + (readings - begin) // 4, time.monotonic() + SECONDS
    start = at_start = None
    try:
        while samples < readings:
            if time.monotonic() > deadline:
                raise SystemExit(f"{topic}: {samples:,} of {readings:,} readings within {SECONDS:.0f} s")
            for message in consumer.consume(50_000, 0.1):
                update = decode(message.value())
                samples += update.samples_processed
                trainings[update.device_id, update.model_version] = update
            if start is None and samples >= warm:
                start, at_start = time.monotonic(), samples
    finally:
        consumer.close()
    assert start is not None
    assert at_start is not None
    return Read((samples - at_start) / max(time.monotonic() - start, 1e-3), trainings)


def compare(said: dict[str, Read]) -> None:
    """All say the same of the trainings that all have got to. SystemExit if not."""
    shared = set.intersection(*(set(one.trainings) for one in said.values()))
    different = [key for key in shared if len({one.trainings[key] for one in said.values()}) > 1]
    if different or len(shared) < DEVICES // 10:
        raise SystemExit(f"of {len(shared):,} trainings the contenders do not say the same of {len(different):,}")


def send(settings: Settings, rounds: int, pack: int, first: int = 0) -> None:
    """Readings of so many seconds, in order, as fast as it goes."""
    producer = Producer(
        {
            "bootstrap.servers": settings.kafka_servers,
            "enable.idempotence": True,
            "linger.ms": 50,
            "compression.type": "zstd",
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    partitions = {f"device_{n}".encode(): partition_of(f"device_{n}", settings.partitions) for n in range(DEVICES)}
    packed: list[list[bytes]] = [[] for _ in range(settings.partitions)]
    for line in workload.messages(DEVICES, rounds, first):
        device = line[14 : line.index(b'"', 14)]
        partition = partitions[device]
        packed[partition].append(line[:-1])
        if len(packed[partition]) == pack:
            _put(producer, b"\n".join(packed[partition]), device if pack == 1 else None, partition)
            packed[partition].clear()
    for partition, lines in enumerate(packed):
        if lines:
            _put(producer, b"\n".join(lines), None, partition)
    if producer.flush(120):
        raise SystemExit("Kafka has not taken the backlog within 120 s")


def _put(producer: Producer, value: bytes, key: bytes | None, partition: int) -> None:
    while True:
        try:
            producer.produce(READINGS, value, key, partition)
            return
        except BufferError:
            producer.poll(0.1)


@contextmanager
def ours(settings: Settings) -> Iterator[None]:
    """Our job, as `flead up` runs it."""
    with _running([sys.executable, "-m", "flead", "service", "training"], environment_of(settings)):
        healthy, deadline = checks.healthy(settings.training_port), time.monotonic() + SECONDS
        while not healthy(0):
            if time.monotonic() > deadline:
                raise SystemExit(f"the training job does not work within {SECONDS:.0f} s")
            time.sleep(0.1)
        yield


@contextmanager
def group(settings: Settings) -> Iterator[None]:
    """Two members of a consumer group, one a core, from the first reading on; what trained before is cleared away."""
    _empty(settings, [*OURS, TRAINING_STATE])
    changes = [{"engine": "kafka", "training_port": settings.training_port + n} for n in (0, 20)]
    command = [sys.executable, "-m", "flead", "service", "training"]
    one, two = (environment_of(settings.model_copy(update=change)) for change in changes)
    with _running(command, one), _running(command, two):
        yield


def _empty(settings: Settings, names: list[str]) -> None:
    """Delete topics and the group's offsets, and make the topics anew."""
    admin = AdminClient({"bootstrap.servers": settings.kafka_servers})
    known = [name for name in names if name in admin.list_topics(timeout=30).topics]
    for future in admin.delete_topics(known, operation_timeout=30).values():
        future.result(60)
    for future in admin.delete_consumer_groups([GROUP]).values():
        with suppress(KafkaException):  # there is none yet
            future.result(60)
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            ensure(admin, topics(settings, "kafka"))
            return
        except KafkaException:  # a topic of this name is still being deleted
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@contextmanager
def naive(settings: Settings) -> Iterator[Outputs]:
    """The per-reading job, on the same cluster."""
    outputs = _outputs(settings, "naive")
    words = [settings.kafka_servers, settings.flink_port, settings.parallelism, *outputs]
    done = subprocess.run(
        [sys.executable, CONTENDERS / "naive_flink.py", *map(str, words)],
        env=os.environ | client_environment(settings, Layout.of(settings)),
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise SystemExit("the naive job could not be submitted")
    try:
        yield outputs
    finally:
        job = f"http://127.0.0.1:{settings.flink_port}/jobs/{done.stdout.split()[-1]}"
        urllib.request.urlopen(urllib.request.Request(job, method="PATCH"), timeout=30).close()


@contextmanager
def quix(settings: Settings, folder: Path) -> Iterator[Outputs]:
    """Two processes of Quix Streams, one a core."""
    outputs = _outputs(settings, "quix")
    python = environment.contender_python("quix")
    command = [str(python), str(CONTENDERS / "quix_devices.py"), settings.kafka_servers]
    with _running([*command, str(folder / "one"), *outputs]), _running([*command, str(folder / "two"), *outputs]):
        yield outputs


def latency(settings: Settings, seconds: int) -> list[Result]:
    """From handing a reading to Kafka's client until a reader of committed messages has its anomaly."""
    results = []
    for delivery in "exactly-once", "at-least-once":
        with ours(settings.model_copy(update={"anomaly_delivery": delivery})):
            delays = sorted(_delays(settings, seconds))
        for percent in 50, 95, 99:
            delay = delays[min(len(delays) - 1, len(delays) * percent // 100)]
            results.append(Result(f"flink.latency.{delivery}.p{percent}", "s", f"{delivery} at {PACE}/s", [delay]))
    return results


def _delays(settings: Settings, seconds: int) -> Iterator[float]:
    """Seconds from reading to anomaly, while 105 devices speak five times a second, as the published ones did."""
    consumer = _consumer(settings, ANOMALIES, newest=True)
    producer = Producer({"bootstrap.servers": settings.kafka_servers, "enable.idempotence": True, "linger.ms": 5})
    rng = np.random.default_rng(workload.SEED)
    begun, sent = time.monotonic(), 0
    until = begun + WARM_SECONDS + seconds
    try:
        while time.monotonic() < until:
            while sent < PACE * (time.monotonic() - begun):
                device = f"speaker_{sent % SPEAKERS}"
                value = rng.normal(40, 1) * (2 if rng.random() < 0.05 else 1)
                message = {"device_id": device, "data": value, "timestamp": to_text(time.time_ns() // 1_000_000)}
                partition = partition_of(device, settings.partitions)
                producer.produce(READINGS, json.dumps(message).encode(), device.encode(), partition)
                sent += 1
            producer.poll(0)
            for message in consumer.consume(1000, 0.005):
                now = time.time()
                anomaly = json.loads(message.value())
                if anomaly["device_id"].startswith("speaker_") and time.monotonic() > begun + WARM_SECONDS:
                    yield now - to_milliseconds(anomaly["timestamp"]) / 1000
    finally:
        producer.flush(30)
        consumer.close()


def environment_of(settings: Settings) -> dict[str, str]:
    """What makes a process see these settings."""
    return os.environ | variables(settings)


def _outputs(settings: Settings, name: str) -> Outputs:
    """Two topics of a contender's own."""
    outputs = Outputs(f"{name}-anomalies", f"{name}-updates")
    admin = AdminClient({"bootstrap.servers": settings.kafka_servers})
    for future in admin.create_topics([NewTopic(topic, settings.brokers, 3) for topic in outputs]).values():
        future.result(60)
    return outputs


def _consumer(settings: Settings, topic: str, newest: bool = False) -> Consumer:
    """A reader of all partitions, of what is committed."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_servers,
            "group.id": "benchmark",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
        }
    )
    partitions = consumer.list_topics(topic, 30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, OFFSET_END if newest else OFFSET_BEGINNING) for p in partitions])
    return consumer


@contextmanager
def _running(command: list[str], environment: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(90)


if __name__ == "__main__":
    main()
