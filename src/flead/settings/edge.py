"""The settings of the edge: agents, the gateway between MQTT and Kafka, and who may speak."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

SPEED = r"^(max|0*[1-9][0-9]*(\.[0-9]+)?|0*\.0*[1-9][0-9]*)$"
"""A number above 0, or max."""

Port = Annotated[int, Field(ge=0, le=65535)]


class EdgeSettings(BaseSettings):
    """A part of :class:`flead.settings.Settings`, which explains how they are read."""

    # Who may speak
    enrolment: Literal["first-use", "closed"] = Field(
        "first-use",
        description="Whom the platform believes: the first key that an agent's name comes with, or only those that"
        " flead agents enroll has told it of.",
    )
    signed_only: bool = Field(False, description="Refuse updates and alarms that no agent has signed.")
    device_updates: float = Field(
        10.0, gt=0, description="Updates a second that an agent's device may send; a hundred times as many at once."
    )

    # MQTT
    mqtt_host: str = Field("127.0.0.1", description="Where the gateway finds the MQTT broker.")
    mqtt_port: Port = Field(1883, description="The MQTT broker's port.")
    mqtt_tls: bool = Field(False, description="Speak TLS with the MQTT broker.")
    mqtt_ca: Path | None = Field(
        None, description="PEM file of the authorities that vouch for the MQTT broker; unset: the system's."
    )
    mqtt_certificate: Path | None = Field(None, description="PEM file of this side's certificate for MQTT.")
    mqtt_key: Path | None = Field(None, description="PEM file of its key.")
    mqtt_user: str | None = Field(None, description="The user's name at the MQTT broker.")
    mqtt_password: SecretStr | None = Field(None, description="The user's password there.")
    mqtt_listen: str | None = Field(
        None,
        description="The address, such as 0.0.0.0, on which the platform's own MQTT broker takes agents from elsewhere,"
        " by TLS and with a certificate; unset: only those on this machine.",
    )
    mqtt_tls_port: Port = Field(8883, description="The port for that.")
    mqtt_authority: Path = Field(
        Path("authority"), description="The directory of flead authority, which has issued a certificate to server."
    )
    gateway_port: Port = Field(8177, description="Where the gateway says how it is.")

    # Kafka
    kafka_tls: bool = Field(False, description="Speak TLS with Kafka.")
    kafka_ca: Path | None = Field(
        None, description="PEM file of the authorities that vouch for Kafka's brokers; unset: the system's."
    )
    kafka_certificate: Path | None = Field(None, description="PEM file of this side's certificate for Kafka.")
    kafka_key: Path | None = Field(None, description="PEM file of its key.")
    kafka_user: str | None = Field(None, description="The user's name at Kafka, by SASL/SCRAM-SHA-512.")
    kafka_password: SecretStr | None = Field(None, description="The user's password there.")

    # Agent
    source: str | None = Field(
        None,
        description="Where an agent's readings come from: mqtt://HOST/TOPICS with a wildcard in the place of the"
        " device's id, csv:DIR, skab:DIR, or - for lines on standard input.",
    )
    playback: str = Field(
        "60",
        pattern=SPEED,
        description="How fast an agent plays recordings: event time per real time, 60 is a minute a second; or max.",
    )
    uplink: str | None = Field(
        None, description="Where an agent sends updates and alarms: mqtt://HOST:PORT or kafka://HOST:PORT."
    )
    agent_name: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="The agent's name; unset: the machine's."
    )
    share_values: bool = Field(
        False, description="Let an agent's alarms say what was measured, and the mean and std it was judged by."
    )
    store_seconds: float = Field(
        1.0,
        gt=0,
        le=60,
        description="Between two writes of an agent's store, which is what a crash may cost; longer spares its flash.",
    )
    outbox_megabytes: float = Field(
        64.0, ge=0.01, description="What an agent keeps for an uplink that is away; then superseded updates go first."
    )
    outbox_days: float = Field(7.0, gt=0, description="Until what waits in an agent's store is too old to be sent.")
    uplink_rate: float = Field(
        200.0, gt=0, description="Records a second that an agent sends at most: it catches up without a burst."
    )
