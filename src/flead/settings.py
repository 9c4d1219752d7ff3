"""Every setting, once: its name, its meaning, its bounds and its default.

A value comes from, in rising order of strength: the default, ``flead.toml`` in the working directory,
the environment variable ``FLEAD_<NAME>``, a command's flag.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import PydanticBaseSettingsSource, SettingsConfigDict

from flead.errors import FleadError
from flead.settings_edge import SPEED, EdgeSettings, Port
from flead.settings_reading import ReadingSettings

SETTINGS_FILE = "flead.toml"
PREFIX = "FLEAD_"


class SettingsError(FleadError, ValueError):
    """A setting that cannot be used: the message says which, where it came from and what it must be."""


class Settings(EdgeSettings, ReadingSettings):
    """All settings of FLEAD; immutable once read."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, allow_inf_nan=False)

    # Readings
    data: str = Field("sim", description="Where readings come from: sim, csv:PATH, edge-iiotset:PATH or skab:DIR.")
    devices: int = Field(2407, ge=1, description="Devices of the simulated fleet, or to split Edge-IIoTset into.")
    readings: int | None = Field(None, ge=1, description="Stop after this many readings; unset: at the source's end.")
    speed: str = Field(
        "1",
        pattern=SPEED,
        description="Event time per real time: 1 is live, 60 is a minute a second; or max.",
    )
    seed: int = Field(0, ge=0, description="The simulated fleet's seed: same seed, same readings.")
    channel: str | None = Field(
        None, description="The one channel to read (csv, edge-iiotset); unset: all, or the source's default."
    )

    # Learning
    learner: str = Field("zscore", description="What a device runs.")
    window: int = Field(100, ge=2, le=10_000, description="Readings of a device that a new one is judged by.")
    min_readings: int = Field(10, ge=2, description="Readings in the window before scoring starts.")
    threshold: float = Field(2.5, gt=0, description="|z| above which a reading is an anomaly (warning).")
    critical: float = Field(5.0, gt=0, description="|z| above which an anomaly is critical.")
    train_readings: int = Field(50, ge=1, description="Pending readings that make a device train.")
    train_seconds: int = Field(60, ge=1, le=86_400, description="Event time after which it trains on fewer.")
    learning_rate: float = Field(0.001, gt=0, description="Step size of the stochastic gradient descent.")
    features: Literal["scaled", "raw"] = Field(
        "scaled", description="The model's inputs: bounded, or mean, std and z as published."
    )
    supervised: bool = Field(False, description="Let devices learn from ground-truth labels where readings have them.")
    mix: float = Field(1.0, ge=0, le=1, description="How much of the global model a training starts from.")
    training_rows: int = Field(
        400, ge=30, le=100_000, description="drift: a device's first readings, which say what is normal."
    )
    alarm_quantile: float = Field(
        0.9, gt=0, lt=1, description="drift: the share of normal scores below its threshold; higher: fewer alarms."
    )

    alarms_per_day: float = Field(
        1.0, gt=0, description="tail: about how many alarms a device may raise a day where nothing happens."
    )
    readings_per_day: float | None = Field(
        None, gt=0, description="tail: how many readings a device makes a day; unset: as its own times say."
    )

    @field_validator("min_readings")
    @classmethod
    def _scoring_starts(cls, min_readings: int, info: ValidationInfo) -> int:
        window = info.data.get("window", min_readings)
        if min_readings > window:
            raise ValueError(f"more than window = {window} holds: scoring would never start")
        return min_readings

    # Alarms
    alarm_gap: float = Field(
        10.0,
        gt=0,
        le=86_400,
        description="Seconds of event time: flagged readings so close are one event; take a few readings' distance.",
    )
    alarm_readings: int = Field(
        5, ge=1, description="Flagged readings that make an event an alarm; a critical one makes it at once."
    )
    alarm_clear: float = Field(
        60.0, gt=0, le=2_592_000, description="Seconds without a flagged reading after which an alarm closes itself."
    )
    webhook_url: SecretStr | None = Field(
        None, description="The http or https address that new critical alarms are sent to, as JSON by POST."
    )
    webhook_secret: SecretStr | None = Field(
        None, description="Signs what is sent there: HMAC-SHA-256, in the header X-FLEAD-Signature."
    )

    @field_validator("web_password", "webhook_secret")
    @classmethod
    def _is_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < 8:
            raise ValueError("shorter than 8 characters, and so too easy to guess")
        return secret

    @field_validator("webhook_url")
    @classmethod
    def _is_address(cls, webhook_url: SecretStr | None) -> SecretStr | None:
        if webhook_url is not None and not re.match(r"https?://[^\s/]+\S*$", webhook_url.get_secret_value()):
            raise ValueError("not an address that begins with http:// or https://")
        return webhook_url

    # Federation
    strategy: str | None = Field(
        None, description="How the server merges updates; unset: the learner's own, which for zscore is fedbuff."
    )
    buffer: int = Field(20, ge=1, description="Different devices whose updates make a global model.")
    proximal: float = Field(
        1.0, ge=0, description="fedprox: how strongly a training is held to the global model that it starts from."
    )
    server_momentum: float = Field(
        0.9, ge=0, lt=1, description="fedavgm and the adaptive ones: how much of its last step the server repeats."
    )
    server_rate: float = Field(
        0.01, gt=0, description="fedadagrad, fedadam, fedyogi: about how far a round moves a parameter."
    )
    second_momentum: float = Field(
        0.99, ge=0, lt=1, description="fedadam, fedyogi: how slowly they forget how much a parameter used to change."
    )
    adaptivity: float = Field(
        1e-3, gt=0, description="fedadagrad, fedadam, fedyogi: a change much smaller than this counts as none."
    )
    hostile: float = Field(
        0.2, ge=0, lt=0.5, description="trimmed_mean, krum, multi_krum: the share of updates that may be hostile."
    )

    # Privacy
    privacy_noise: float = Field(
        0.0, ge=0, description="Noise that an update gets, in multiples of privacy_clip; 0: updates are not private."
    )
    privacy_clip: float = Field(
        1.0, gt=0, description="How far a private update may lie from the newest global model, at most."
    )
    privacy_seed: int | None = Field(
        None,
        ge=0,
        lt=2**128,
        description="Whence the noise comes, for experiments: who knows it takes the noise off. Unset: unpredictable.",
    )

    # Placement
    brokers: int = Field(4, ge=1, description="Kafka brokers that devices are placed on.")
    devices_per_broker: int = Field(600, ge=1, description="Consecutive device numbers that share a broker.")
    partitions: int = Field(16, ge=1, description="Partitions that devices are placed on; a multiple of brokers.")

    @field_validator("partitions")
    @classmethod
    def _brokers_have_as_many(cls, partitions: int, info: ValidationInfo) -> int:
        brokers = info.data.get("brokers", 1)
        if partitions % brokers:
            raise ValueError(f"not a multiple of brokers = {brokers}: each broker leads as many partitions")
        return partitions

    # Storage
    data_dir: Path = Field(Path(".flead"), description="Directory of the embedded database and of its logs.")
    database_port: Port = Field(5432, description="The database's port; if used, the embedded one takes another.")
    database_host: str = Field("127.0.0.1", description="Where the platform's database is; flead run has its own.")
    database_password: SecretStr = Field(SecretStr("password"), description="The password of the database user flead.")
    reader_password: SecretStr = Field(
        SecretStr("password"), description="The password of the database user flead_reader, who only reads."
    )
    predictions_per_version: int = Field(
        100, ge=0, description="Single predictions stored of every global model that is tested."
    )
    signal_rows_per_second: int = Field(
        300, ge=1, description="Signal points stored per second of event time; a larger fleet's signals are thinned."
    )

    # Viewer
    web_host: str = Field("127.0.0.1", description="The address that the viewer listens on.")
    web_port: Port = Field(8082, description="The viewer's port; 0 takes a free one.")

    web_password: SecretStr | None = Field(
        None, description="Opens the viewer and, as a bearer token, its API; needed on any address but loopback."
    )
    streams_port: Port = Field(8081, description="Where flead up shows the viewer's Streams page as well.")

    # Platform
    cache_dir: Path = Field(Path("~/.cache/flead"), description="Where the platform keeps what it has downloaded.")
    kafka: str | None = Field(None, description="Kafka's host:port,...; unset: the brokers that flead up starts.")
    kafka_port: Port = Field(9092, description="The first broker's port; those of the others follow.")
    controller_port: Port = Field(19092, description="The first Kafka controller's port; those of the others follow.")
    flink_port: Port = Field(8161, description="The port of Flink's page and REST interface.")
    flink_host: str = Field("127.0.0.1", description="Where Flink's JobManager is.")
    jobmanager_port: Port = Field(6123, description="Where Flink's TaskManager finds the JobManager.")
    parallelism: int = Field(2, ge=1, description="Slots of Flink that the training job takes.")
    checkpoint_seconds: float = Field(
        2,
        gt=0,
        description="Between two of Flink's checkpoints; what is delivered exactly once is seen with the next one.",
    )
    anomaly_delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once", description="How Flink delivers anomalies: at-least-once is seen sooner, and may repeat some."
    )
    spark_host: str = Field("127.0.0.1", description="Where Spark's master is.")
    spark_port: Port = Field(7077, description="The port of Spark's master.")
    spark_ui_port: Port = Field(8086, description="The port of the page of Spark's master.")
    spark_worker_port: Port = Field(8087, description="The port of the page of Spark's worker.")
    evaluation_seconds: float = Field(5, gt=0, description="Between two micro-batches of the stream evaluation.")
    analytics_seconds: float = Field(3600, gt=0, description="Between two runs of the hourly analysis.")
    training_port: Port = Field(8171, description="Where the training service says how it is (/healthz, /metrics).")
    aggregator_port: Port = Field(8172, description="Where the aggregator says how it is.")
    collector_port: Port = Field(8173, description="Where the collector says how it is.")
    rate: float | None = Field(
        None, gt=0, le=10_000_000, description="The producer's readings a second; unset: as many as speed asks for."
    )
    pack: int = Field(
        1,
        ge=1,
        le=10_000,
        description="Readings in one of the producer's messages, at most: of one partition, a line each.",
    )
    producer_port: Port = Field(8174, description="Where the producer says how it is.")
    evaluation_port: Port = Field(8175, description="Where the stream evaluation says how it is.")
    analytics_port: Port = Field(8176, description="Where the hourly analysis says how it is.")
    grafana_port: Port = Field(3001, description="Grafana's port, where there is a Grafana.")
    grafana_password: SecretStr = Field(SecretStr("admin"), description="The first password of Grafana's user admin.")

    @property
    def kafka_servers(self) -> str:
        """What a Kafka client starts from: ``bootstrap.servers``."""
        return self.kafka or ",".join(f"127.0.0.1:{self.kafka_port + n}" for n in range(self.brokers))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[Any],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """``load`` merges the places itself, so that it can say where a value came from."""
        return (init_settings,)


SECRETS = frozenset(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))
"""The settings whose values nobody is shown."""


def load(flags: Mapping[str, Any] | None = None, file: Path = Path(SETTINGS_FILE)) -> tuple[Settings, dict[str, str]]:
    """The settings, and where each value came from.

    ``flags`` with the value None were not given. Raises :class:`SettingsError`.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")

    def take(found: Mapping[str, Any], origin: str) -> None:
        values.update(found)
        origins.update(dict.fromkeys(found, origin))

    take(_from_file(file), str(file))
    for name in Settings.model_fields:
        variable = PREFIX + name.upper()
        if variable in os.environ:
            take({name: os.environ[variable]}, variable)
    take({name: value for name, value in (flags or {}).items() if value is not None}, "flag")
    try:
        return Settings(**values), origins
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        value = "**********" if name in SECRETS else repr(first["input"])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name} = {value} (from {origins.get(name)}): {message}") from None


def _from_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: {error}") from None
    unknown = sorted(set(found) - set(Settings.model_fields))
    if unknown:
        raise SettingsError(f"{file}: no such setting: {', '.join(unknown)}; flead config show lists them all")
    return found
