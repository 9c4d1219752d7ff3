"""The MQTT broker as a service: mosquitto where it is installed, else the wheel amqtt.

It listens on the loopback interface without authentication; and, if `mqtt_listen` is set, on that address with TLS, for
clients with a certificate.

``python -m flead.stack.mqtt`` runs it until SIGTERM.
"""

import asyncio
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

from flead import settings
from flead.errors import FleadError
from flead.layout import Layout
from flead.stack.errors import StackError
from flead.topics import ACK, ENROL, MQTT_GLOBAL, STATE, UP, mqtt_topic

HOST = "127.0.0.1"
PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Where it is installed on systems that do not have it on a user's path."""


def program() -> str | None:
    """Mosquitto's program, if it is installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(PLACES))


def configuration(host: str, port: int, data: Path) -> list[str]:
    """Mosquitto's configuration: retained messages survive a restart, and queues are long enough for every agent."""
    return [
        "per_listener_settings true",
        "persistence true",
        f"persistence_location {data}/",
        "autosave_interval 60",
        "max_queued_messages 20000",
        "log_dest stdout",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages false",
        f"listener {port} {host}",
        "allow_anonymous true",
    ]


def secure_listener(host: str, port: int, authority: Path, rights: Path) -> list[str]:
    """The configuration for clients that authenticate by a certificate; its common name is the user name."""
    return [
        f"listener {port} {host}",
        f"cafile {authority / 'authority.pem'}",
        f"certfile {authority / 'server.pem'}",
        f"keyfile {authority / 'server.key.pem'}",
        "tls_version tlsv1.2",
        "require_certificate true",
        "use_identity_as_username true",
        "allow_anonymous false",
        f"acl_file {rights}",
    ]


RIGHTS = [
    f"topic read {MQTT_GLOBAL}",
    *(f"pattern write {mqtt_topic('%u', kind)}" for kind in (ENROL, UP, STATE)),
    f"pattern read {mqtt_topic('%u', ACK)}",
]
"""The rights of an authenticated agent: publish under its own name, and read its own acknowledgements."""


def run(chosen: settings.Settings) -> None:
    """Replace this process by mosquitto, or run amqtt in it. Raises StackError for what is not available here."""
    data = Layout.of(chosen).mqtt
    data.mkdir(parents=True, exist_ok=True)
    found = program()
    if found is None:
        if chosen.mqtt_listen is not None:
            raise StackError("mqtt_listen needs mosquitto: install it, then restart the platform")
        asyncio.run(_amqtt(chosen.mqtt_port))
        return
    file, rights = data / "mosquitto.conf", data / "rights"
    lines = configuration(HOST, chosen.mqtt_port, data)
    if chosen.mqtt_listen is not None:
        authority = chosen.mqtt_authority.expanduser().absolute()
        if not (authority / "server.key.pem").exists():
            raise StackError(f"{authority}: no server certificate: run flead authority issue DIRECTORY server --host")
        rights.write_text("\n".join(RIGHTS) + "\n", encoding="utf-8")
        rights.chmod(0o600)
        lines += secure_listener(chosen.mqtt_listen, chosen.mqtt_tls_port, authority, rights)
    if os.geteuid() == 0:
        lines.append("user root")  # otherwise it drops the right to its own directory
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.execv(found, [found, "-c", str(file)])


async def _amqtt(port: int) -> None:
    from amqtt.broker import Broker

    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(asctime)s %(levelname)-5s %(message)s")
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    print(f"amqtt is listening on port {port}", flush=True)  # noqa: T201 - its log
    await stopping.wait()
    await broker.shutdown()


if __name__ == "__main__":
    try:
        run(settings.load()[0])
    except FleadError as error:
        sys.exit(str(error))
