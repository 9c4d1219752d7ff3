"""How a client reaches Kafka: the one place that turns the settings into what a client wants to know.

``kafka_options`` are in the words of librdkafka, ``java_options`` in those of Kafka's own client, as Flink and Spark
have it.
"""

from collections.abc import Mapping
from typing import Any

from flead.settings import Settings

MECHANISM = "SCRAM-SHA-512"


def kafka_options(settings: Settings) -> dict[str, str]:
    """The servers, and how they and we prove who we are."""
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
    """What all consumers have in common, upon ``kafka_options``; ``more`` adds to it, or overrules it.

    Only what was committed is read; who reads says where it begins, and commits offsets itself if it does.
    """
    return {
        **options,
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        **(more or {}),
    }


def java_options(settings: Settings) -> dict[str, str]:
    """The same for a client in Java. It reads a certificate and its key from one file: ``kafka_key`` holds both."""
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
