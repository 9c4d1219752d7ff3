"""The services that flead up starts."""

from pydantic import Field, SecretStr

from flead.settings.section import Port, Section


class PlatformSettings(Section):
    """The services that flead up starts."""

    rate: float | None = Field(
        None, gt=0, le=10_000_000, description="Readings a second that the producer sends; unset: as speed asks for."
    )
    pack: int = Field(
        1,
        ge=1,
        le=10_000,
        description="Largest number of readings in one of the producer's messages: of one partition, a line each.",
    )
    producer_port: Port = Field(8174, description="Health and metrics port of the producer (/healthz, /metrics).")
    training_port: Port = Field(8171, description="Health and metrics port of the training service.")
    aggregator_port: Port = Field(8172, description="Health and metrics port of the aggregator.")
    collector_port: Port = Field(8173, description="Health and metrics port of the collector.")
    evaluation_port: Port = Field(8175, description="Health and metrics port of the stream evaluation.")
    analytics_port: Port = Field(8176, description="Health and metrics port of the hourly analytics.")
    gateway_port: Port = Field(8177, description="Health and metrics port of the gateway.")
    grafana_port: Port = Field(3001, description="Port of Grafana, where Grafana is installed.")
    grafana_password: SecretStr = Field(SecretStr("admin"), description="Initial password of Grafana's user admin.")
