"""Where an agent listens and speaks, as its user writes it: ``mqtt://HOST:PORT/TOPIC``, ``kafka://HOST:PORT``."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from flead.agent.errors import AgentError

MQTT_PORT, MQTTS_PORT, KAFKA_PORT = 1883, 8883, 9092


class Address(NamedTuple):
    """The parts of an address."""

    scheme: str
    host: str
    port: int
    path: str
    """Without the first slash: of a broker that is listened to, the pattern of topics."""
    user: str | None
    password: str | None

    @property
    def encrypted(self) -> bool:
        """Whether the connection is to be."""
        return self.scheme == "mqtts"


def parse(text: str, setting: str) -> Address:
    """The address in this setting. AgentError if it is none."""
    schemes = {"mqtt": MQTT_PORT, "mqtts": MQTTS_PORT, "kafka": KAFKA_PORT}
    # A pattern of topics ends in "#" where others have a fragment.
    parts = urlsplit(text, allow_fragments=False)
    try:
        port = parts.port
    except ValueError as error:
        raise AgentError(f"{setting} = {text!r}: {error}") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise AgentError(f"{setting} = {text!r} is no address: write it as mqtt://HOST:PORT or kafka://HOST:PORT")
    return Address(
        parts.scheme,
        parts.hostname,
        schemes[parts.scheme] if port is None else port,
        unquote(parts.path[1:]),
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )


def shown(text: str) -> str:
    """An address or another source, as it may be shown: without a password."""
    parts = urlsplit(text, allow_fragments=False)
    return text if parts.password is None else text.replace(f":{parts.password}@", "@", 1)
