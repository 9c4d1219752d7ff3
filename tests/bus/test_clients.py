"""What the settings say of Kafka reaches clients of both kinds."""

from pathlib import Path

from flead.bus.clients import java_options, kafka_options
from flead.settings import Settings


def test_without_a_word_a_client_speaks_plainly() -> None:
    plain = {"bootstrap.servers": "a:1"}
    assert kafka_options(Settings(kafka="a:1")) == java_options(Settings(kafka="a:1")) == plain


def test_a_user_proves_himself_and_the_broker_too() -> None:
    settings = Settings(kafka="a:1", kafka_tls=True, kafka_user="u", kafka_password='p"\\', kafka_ca=Path("/ca.pem"))
    assert kafka_options(settings) == {
        "bootstrap.servers": "a:1",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": 'p"\\',
        "ssl.ca.location": "/ca.pem",
    }
    java = java_options(settings)
    assert java["security.protocol"] == "SASL_SSL"
    assert java["sasl.jaas.config"].endswith('ScramLoginModule required username="u" password="p\\"\\\\";')
    assert (java["ssl.truststore.type"], java["ssl.truststore.location"]) == ("PEM", "/ca.pem")


def test_a_certificate_goes_with_its_key() -> None:
    settings = Settings(kafka_tls=True, kafka_certificate=Path("/c.pem"), kafka_key=Path("/k.pem"))
    options = kafka_options(settings)
    assert options["security.protocol"] == "SSL"
    assert (options["ssl.certificate.location"], options["ssl.key.location"]) == ("/c.pem", "/k.pem")
    assert java_options(settings)["ssl.keystore.location"] == "/k.pem"
