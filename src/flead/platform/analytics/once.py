"""The hourly analytics: what is new on the bus, summed up by device and hour, into the store.

One run processes what has arrived by its beginning, then ends. A task has the messages of one partition of readings or
anomalies: it decodes them into columns, adds up moments by device, channel and hour, and merges them into the store in
the transaction that moves the partition's position. So no reading counts twice, no matter what is killed when.

The anomaly rate counts what the devices flagged, on the topic ``anomalies``: they have judged the readings already,
and judging them again would need every shard's state.
"""

import logging
import time
from collections.abc import Iterator

from pyarrow import RecordBatch
from pyspark.sql import DataFrame

from flead.bus.service import Service
from flead.layout import Layout
from flead.platform.analytics.work import NAME, RESULT, Work
from flead.platform.spark import session
from flead.settings import Settings
from flead.topics import ANOMALIES, READINGS

log = logging.getLogger("flead")

MOST = 2_000_000
"""Messages a micro-batch of a run."""


def run(settings: Settings) -> None:
    """``flead service analytics --once``: one run over what is new."""
    service = Service(NAME)
    checkpoints = Layout.of(settings).spark_checkpoints
    began = time.monotonic()
    with service.running():
        topics = session.wait_for_needs(settings, [READINGS, ANOMALIES], service)
        spark = session.session(settings, NAME, cores=2)
        counts: dict[str, int] = dict.fromkeys(topics, 0)
        work = Work(settings, topics)

        def micro_batch(batch: DataFrame, number: int) -> None:
            del number

            def task(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
                from flead.platform.analytics.task import analyse  # kernels and all: this process needs none of it

                return analyse(work, batches)

            for row in batch.mapInArrow(task, RESULT).collect():
                counts[row.topic] += row.messages

        try:
            query = (
                session.stream(spark, settings, [READINGS, ANOMALIES], MOST)
                .writeStream.foreachBatch(micro_batch)
                .queryName(NAME)
                .option("checkpointLocation", str(checkpoints / NAME / "-".join(topics.values())))
                .trigger(availableNow=True)
                .start()
            )
            while query.isActive and not service.stopping.wait(0.2):
                pass
            query.stop() if service.stopping.is_set() else query.awaitTermination()
        finally:
            spark.stop()
    log.info(
        "analytics: %d messages of readings, %d of anomalies in %.1f s",
        counts[READINGS], counts[ANOMALIES], time.monotonic() - began,
    )  # fmt: skip
