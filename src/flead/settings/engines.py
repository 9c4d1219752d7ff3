"""What runs the training, Flink or a consumer group; and Spark, which runs evaluation and analytics."""

from typing import Literal

from pydantic import Field

from flead.settings.section import Port, Section

Engine = Literal["flink", "kafka"]


class FlinkSettings(Section):
    """Flink's cluster, and the training job on it."""

    engine: Engine = Field(
        "flink",
        description="What trains on the platform: flink, or kafka, a consumer group that needs no Flink.",
    )
    flink_port: Port = Field(8161, description="Port of Flink's web page and REST API.")
    flink_host: str = Field("127.0.0.1", description="Host of Flink's JobManager.")
    jobmanager_port: Port = Field(6123, description="Port on which Flink's TaskManager finds the JobManager.")
    parallelism: int = Field(2, ge=1, description="Flink slots that the training job takes.")
    checkpoint_seconds: float = Field(
        2,
        gt=0,
        description="Seconds between Flink's checkpoints; output delivered exactly once appears with the next one.",
    )
    anomaly_delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once",
        description="How Flink delivers anomalies: at-least-once is faster, and may deliver some twice.",
    )


class SparkSettings(Section):
    """Spark's cluster, and how often its jobs run."""

    spark_host: str = Field("127.0.0.1", description="Host of Spark's master.")
    spark_port: Port = Field(7077, description="Port of Spark's master.")
    spark_ui_port: Port = Field(8086, description="Port of the Spark master's web page.")
    spark_worker_port: Port = Field(8087, description="Port of the Spark worker's web page.")
    evaluation_seconds: float = Field(5, gt=0, description="Seconds between micro-batches of the stream evaluation.")
    analytics_seconds: float = Field(3600, gt=0, description="Seconds between runs of the hourly analytics.")
