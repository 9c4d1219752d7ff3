"""How MQTT brokers are reached, and where the platform's own one listens."""

from pathlib import Path

from pydantic import Field, SecretStr

from flead.settings.section import Port, Section


class MqttSettings(Section):
    """How MQTT brokers are reached, and where the platform's own one listens."""

    mqtt_host: str = Field("127.0.0.1", description="Host of the MQTT broker that the gateway connects to.")
    mqtt_port: Port = Field(1883, description="Port of the MQTT broker.")
    mqtt_tls: bool = Field(False, description="Use TLS with the MQTT broker.")
    mqtt_ca: Path | None = Field(
        None, description="PEM file of the certificate authorities for the MQTT broker; unset: the system's."
    )
    mqtt_certificate: Path | None = Field(None, description="PEM file of the client certificate for MQTT.")
    mqtt_key: Path | None = Field(None, description="PEM file of that certificate's key.")
    mqtt_user: str | None = Field(None, description="User name at the MQTT broker.")
    mqtt_password: SecretStr | None = Field(None, description="Password of that user.")
    mqtt_listen: str | None = Field(
        None,
        description="The address, such as 0.0.0.0, on which the platform's own MQTT broker accepts agents from other"
        " machines, over TLS and with a client certificate; unset: only agents on this machine.",
    )
    mqtt_tls_port: Port = Field(8883, description="Port of mqtt_listen.")
    mqtt_authority: Path = Field(
        Path("authority"),
        description="The directory of flead authority, which must have issued a certificate for server.",
    )
