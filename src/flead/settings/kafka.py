"""How Kafka is reached."""

from pathlib import Path

from pydantic import Field, SecretStr

from flead.settings.placement import PlacementSettings
from flead.settings.section import Port


class KafkaSettings(PlacementSettings):
    """How Kafka is reached."""

    kafka: str | None = Field(None, description="Kafka's host:port,...; unset: the brokers that flead up starts.")
    kafka_port: Port = Field(9092, description="Port of the first broker; those of the others follow.")
    controller_port: Port = Field(19092, description="Port of the first Kafka controller; those of the others follow.")
    kafka_tls: bool = Field(False, description="Use TLS with Kafka.")
    kafka_ca: Path | None = Field(
        None, description="PEM file of the certificate authorities for Kafka's brokers; unset: the system's."
    )
    kafka_certificate: Path | None = Field(None, description="PEM file of the client certificate for Kafka.")
    kafka_key: Path | None = Field(None, description="PEM file of that certificate's key.")
    kafka_user: str | None = Field(None, description="User name at Kafka, by SASL/SCRAM-SHA-512.")
    kafka_password: SecretStr | None = Field(None, description="Password of that user.")

    @property
    def kafka_servers(self) -> str:
        """What a Kafka client starts from: ``bootstrap.servers``."""
        return self.kafka or ",".join(f"127.0.0.1:{self.kafka_port + n}" for n in range(self.brokers))
