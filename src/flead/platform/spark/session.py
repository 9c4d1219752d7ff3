"""A Spark application of ours on the platform's cluster, and streams of Kafka's messages in it.

What holds for every application stands in the cluster's ``spark-defaults.conf`` (:mod:`flead.stack.spark`).
"""

import os
from collections.abc import Sequence

import psycopg
from confluent_kafka import KafkaException, TopicCollection, Uuid
from confluent_kafka.admin import AdminClient
from pyspark.sql import DataFrame, SparkSession

from flead.bus.clients import java_options, kafka_options
from flead.bus.health import STARTING
from flead.bus.service import Service
from flead.settings import Settings
from flead.storage.server.store import served_store

FETCH_MILLISECONDS = 5
PER_BATCH = 50_000
"""Messages handed to Python at once."""


def session(settings: Settings, name: str, cores: int) -> SparkSession:
    """An application of this name that runs ``cores`` tasks at once."""
    builder = SparkSession.builder.master(f"spark://{settings.spark_host}:{settings.spark_port}").appName(name)
    configuration = {
        "spark.cores.max": cores,
        "spark.executor.cores": cores,
        "spark.executorEnv.PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "spark.sql.adaptive.enabled": "false",  # not for streams
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": cores,
        "spark.sql.execution.arrow.maxRecordsPerBatch": PER_BATCH,
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",
        "spark.sql.streaming.numRecentProgressUpdates": 2,
        "spark.sql.streaming.minBatchesToRetain": 4,
        "spark.sql.streaming.stopTimeout": "10s",
        "spark.task.maxFailures": 4,
    }
    for key, value in configuration.items():
        builder = builder.config(key, str(value))
    return builder.getOrCreate()


def stream(spark: SparkSession, settings: Settings, topics: Sequence[str], most: int) -> DataFrame:
    """Committed messages of these topics, up to ``most`` a micro-batch, as ``messages.COLUMNS``."""
    source = (
        spark.readStream.format("kafka")
        .options(**{f"kafka.{name}": value for name, value in java_options(settings).items()})
        .option("kafka.isolation.level", "read_committed")
        # After every fetch Spark asks for a partition's ends, and the broker answers that after the next fetch, which
        # it would let wait for new messages: up to half a second a partition, for readings that are there already.
        .option("kafka.fetch.max.wait.ms", FETCH_MILLISECONDS)
        .option("subscribe", ",".join(topics))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", most)
        # What Kafka deleted before it was read is lost; the rest is still worth reading.
        .option("failOnDataLoss", "false")
    )
    return source.load().selectExpr("topic", "partition", "offset", "unix_millis(timestamp) AS arrived", "value")


def wait_for_needs(settings: Settings, topics: Sequence[str], service: Service) -> dict[str, str]:
    """Wait for the database, whose schema is brought up to date, and for the topics; returns the topics' own ids."""
    service.wait_for("the database", served_store(settings).migrate, psycopg.OperationalError, then=STARTING)
    admin = AdminClient({**kafka_options(settings), "log_level": 0})

    def ids() -> dict[str, str]:
        found = admin.describe_topics(TopicCollection(list(topics)), request_timeout=10)
        return {topic: _hexadecimal(future.result(15).topic_id) for topic, future in found.items()}

    return service.wait_for("Kafka", ids, KafkaException, then=STARTING)


def _hexadecimal(topic: Uuid) -> str:
    """Kafka's identifier of a topic as 32 hexadecimal digits; its own notation does not suit as a directory name."""
    halves = topic.get_most_significant_bits(), topic.get_least_significant_bits()
    return "".join(f"{half % 2**64:016x}" for half in halves)
