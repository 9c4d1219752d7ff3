"""How a client proves itself to an MQTT broker, and the broker to it: the one place that reads those settings."""

import ssl

import paho.mqtt.client as mqtt

from flead.settings.mqtt import MqttSettings
from flead.trust.errors import TrustError


def secure(client: mqtt.Client, settings: MqttSettings, tls: bool | None = None) -> None:
    """Give a client, before it connects, what the settings say; ``tls`` overrules ``mqtt_tls``. Raises TrustError."""
    if settings.mqtt_user is not None:
        password = settings.mqtt_password
        client.username_pw_set(settings.mqtt_user, password.get_secret_value() if password else None)
    if not (settings.mqtt_tls if tls is None else tls):
        return
    ca, certificate, key = (
        str(path.expanduser()) if path else None
        for path in (settings.mqtt_ca, settings.mqtt_certificate, settings.mqtt_key)
    )
    try:
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise TrustError(f"mqtt_ca, mqtt_certificate or mqtt_key cannot be used: {error}") from None
    client.tls_set_context(context)
