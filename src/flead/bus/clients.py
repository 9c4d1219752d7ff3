"""How clients reach Kafka: the one place that turns the settings into client options.

``kafka_options`` are named as in librdkafka, ``java_options`` as in Kafka's own Java client, which Flink and Spark use.
"""

from collections.abc import Mapping
from typing import Any

from flead.settings.kafka import KafkaSettings

MECHANISM = "SCRAM-SHA-512"


def kafka_options(settings: KafkaSettings) -> dict[str, str]:
    """The servers, and how both sides authenticate."""
    protocol = "SSL" if settings.kafka_tls else "PLAINTEXT"
    options = {"bootstrap.servers": settings.kafka_servers}
    if settings.kafka_user is not None:
        password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
        protocol = f"SASL_{protocol}"
        options |= {
            "sasl.mechanism": MECHANISM,
            "sasl.username": settings.kafka_user,
            "sasl.password": password,
        }
    files = {
        "ssl.ca.location": settings.kafka_ca,
        "ssl.certificate.location": settings.kafka_certificate,
        "ssl.key.location": settings.kafka_key,
    }
    if settings.kafka_tls:
        options |= {name: str(path.expanduser()) for name, path in files.items() if path is not None}
    return options if protocol == "PLAINTEXT" else {**options, "security.protocol": protocol}


def consumer_options(options: Mapping[str, Any], group: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The options that all consumers share, on top of ``kafka_options``; ``more`` adds options or overrides these.

    Only committed messages are read; the consumer says where it begins, and commits offsets itself if it does.
    """
    return {
        **options,
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        **(more or {}),
    }


def java_options(settings: KafkaSettings) -> dict[str, str]:
    """The same for a Java client, which reads a certificate and its key from one file: ``kafka_key`` must hold both."""
    options = {"bootstrap.servers": settings.kafka_servers}
    protocol = kafka_options(settings).get("security.protocol")
    if protocol is None:
        return options
    options["security.protocol"] = protocol
    if settings.kafka_user is not None:
        password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
        login = "org.apache.kafka.common.security.scram.ScramLoginModule"
        user, secret = (text.replace("\\", "\\\\").replace('"', '\\"') for text in (settings.kafka_user, password))
        options |= {
            "sasl.mechanism": MECHANISM,
            "sasl.jaas.config": f'{login} required username="{user}" password="{secret}";',
        }
    stores = {"ssl.truststore": settings.kafka_ca, "ssl.keystore": settings.kafka_key}
    for store, path in stores.items():
        if settings.kafka_tls and path is not None:
            options |= {f"{store}.type": "PEM", f"{store}.location": str(path.expanduser())}
    return options
