"""The stream evaluation: every global model is tested on the labelled readings that arrive after it.

A micro-batch is one task, since starting one costs more than its work at the pace of a live fleet. The task takes one
partition after the other: it lets the partition's shard observe the readings, tests each on the model that was newest
when it arrived, and stores counts, single predictions, the shard's state and how far it has read in one transaction
(:mod:`flead.platform.evaluation.audit`). So nothing depends on Spark's own account of what is done: a micro-batch
that is run again, in part or in full, finds in the store where to resume.
"""

import logging
import time
from collections.abc import Iterator

from prometheus_client import Counter, Gauge
from pyarrow import RecordBatch
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, Row, SparkSession

from flead.bus.clients import kafka_options
from flead.bus.health import HEALTHY, STARTING, Health
from flead.bus.service import Service
from flead.layout import Layout
from flead.platform.evaluation.global_models import Covered, GlobalModels
from flead.platform.evaluation.work import RESULT, Work
from flead.platform.spark import session
from flead.settings import Settings
from flead.topics import GLOBAL_MODELS, READINGS

log = logging.getLogger("flead")

NAME = "evaluation"
MOST = 200_000
"""Messages per micro-batch: a backlog after a pause is processed in portions of this size."""
FINISH_SECONDS = 5.0
"""Seconds that a micro-batch may take to finish after the service was told to stop."""


class Evaluation:
    """The service: one streaming query, started again when it fails."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self._settings = settings
        self._checkpoints = Layout.of(settings).spark_checkpoints
        self._service = service
        self._first = 0
        """The oldest arrival in the last micro-batch: the next one's are not likely to be older."""
        self._topic = ""
        self._readings = Counter("flead_readings", "Readings processed.", registry=service.metrics)
        self._seconds = Gauge("flead_batch_seconds", "Duration of the last micro-batch.", registry=service.metrics)

    def run(self) -> None:
        """Run until the service is stopped. Raises whatever ends Spark's JVM: the remedy is a new process."""
        self._service.health = STARTING
        session.wait_for_needs(self._settings, [READINGS, GLOBAL_MODELS], self._service)
        self._service.health = Health("Spark is starting")
        spark = session.session(self._settings, NAME, cores=1)
        self._models = GlobalModels(kafka_options(self._settings))
        try:
            while not self._service.stopping.is_set():
                self._run_query(spark)
        finally:
            self._models.close()
            spark.stop()

    def _run_query(self, spark: SparkSession) -> None:
        self._topic = session.wait_for_needs(self._settings, [READINGS, GLOBAL_MODELS], self._service)[READINGS]
        self._service.health = Health("the query is starting")
        query = (
            session.stream(spark, self._settings, [READINGS], MOST)
            .writeStream.foreachBatch(self._micro_batch)
            .queryName(NAME)
            .option("checkpointLocation", str(self._checkpoints / NAME / self._topic))
            .trigger(processingTime=f"{round(self._settings.evaluation_seconds * 1000)} milliseconds")
            .start()
        )
        self._service.health = HEALTHY
        try:
            # Not more often: asking for the progress is dozens of calls to Java.
            while not self._service.stopping.wait(self._settings.evaluation_seconds) and query.isActive:
                progress = query.lastProgress
                if progress:
                    self._seconds.set(progress["durationMs"].get("triggerExecution", 0) / 1000)
            if not self._service.stopping.is_set():
                query.awaitTermination()
        except StreamingQueryException as error:
            self._service.health = Health(f"the query failed: {_cause(error)}")
            log.warning("%s: %s", NAME, self._service.health.trouble)
            self._service.stopping.wait(5)
        finally:
            # Spark interrupts a running micro-batch, and fills the log with a thousand lines about it.
            deadline = time.monotonic() + FINISH_SECONDS
            while query.isActive and query.status["isTriggerActive"] and time.monotonic() < deadline:
                time.sleep(0.05)
            query.stop()

    def _micro_batch(self, batch: DataFrame, number: int) -> None:
        covered = self._models.between(self._first)
        rows = self._observe(batch, covered)
        missed = [row for row in rows if not row.done]
        if missed:
            # These readings are older, or span more models, than was to be expected.
            covered = self._models.between(min(row.first for row in missed), max(row.last for row in missed))
            rows = self._observe(batch, covered)
        for row in rows:
            if row.note:
                log.warning("%s: partition %d: %s; its windows start empty", NAME, row.partition, row.note)
        self._first = min((row.first for row in rows), default=self._first)
        self._readings.inc(sum(row.readings for row in rows))
        log.debug("%s: micro-batch %d", NAME, number)

    def _observe(self, batch: DataFrame, covered: Covered) -> list[Row]:
        work = Work(self._settings, self._topic, covered)

        def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
            from flead.platform.evaluation.task import observe  # kernels and all: this process needs none of it

            return observe(work, batches)

        found: list[Row] = batch.coalesce(1).mapInArrow(task, RESULT).collect()
        return found


def _cause(error: Exception) -> str:
    """The line that says why: Java's traces begin with what Spark did."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    python = [line for line in lines if line.startswith(("psycopg.", "flead.", "confluent_kafka."))]
    return (python or lines or ["no reason given"])[-1 if python else 0][:300]


def run(settings: Settings) -> None:
    """``flead service evaluation``, until it is told to stop."""
    service = Service(NAME, settings.evaluation_port)
    with service.running():
        Evaluation(settings, service).run()
