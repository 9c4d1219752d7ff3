"""Certificates of an authority of one's own, and a real broker that asks for them."""

import os
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from flead.settings import Settings
from flead.trust.authority import Authority
from flead.trust.errors import TrustError
from flead.trust.mqtt import secure
from tests.platform_fixtures import eventually, platform_settings


def test_an_authority_issues_certificates_that_hold_for_their_hosts_only(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    certificate, key = Authority.open(tmp_path).issue("server", ["localhost", "127.0.0.1"])

    for file in (key, tmp_path / "authority.key.pem"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert certificate.read_bytes() in key.read_bytes()
    assert _shakes_hands(authority, certificate, key, "localhost")
    assert _shakes_hands(authority, certificate, key, "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        _shakes_hands(authority, certificate, key, "elsewhere")
    client = authority.issue("someone", [])
    with pytest.raises(ssl.SSLCertVerificationError):
        _shakes_hands(authority, *client, "localhost")


def test_an_authority_is_made_once_and_names_are_names(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="flead authority create"):
        Authority.open(tmp_path)
    authority = Authority.create(tmp_path)
    with pytest.raises(TrustError, match="already"):
        Authority.create(tmp_path)
    for name in ("../x", "", "authority", "a b"):
        with pytest.raises(TrustError, match="no name"):
            authority.issue(name, [])


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    with pytest.raises(TrustError, match="mqtt_ca"):
        secure(client, Settings(mqtt_tls=True, mqtt_ca=tmp_path / "none.pem"))


def _shakes_hands(authority: Authority, certificate: Path, key: Path, host: str) -> bool:
    """TLS in memory: a server with this certificate, a client that believes the authority."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(authority.certificate_file))
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, server_hostname=host), server.wrap_bio(up, down, server_side=True)]
    for _ in range(10):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0].version() is not None


@contextmanager
def connected(settings: Settings, name: str, seconds: float = 20) -> Iterator[tuple[mqtt.Client, list[str]]]:
    """A client of this name, and what it hears of everything."""
    heard: list[str] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
    secure(client, settings, tls=True)
    client.on_message = lambda client, data, message: heard.append(message.topic)
    ready = threading.Event()
    client.on_connect = lambda client, *_: client.subscribe("#", 1)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("localhost", settings.mqtt_tls_port)
    client.loop_start()
    try:
        assert ready.wait(seconds)
        yield client, heard
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.real
def test_the_platforms_broker_takes_agents_from_elsewhere_with_a_certificate_only(tmp_path: Path) -> None:
    from flead.stack.checks import listens
    from flead.stack.mqtt import program
    from flead.stack.services import environment

    if program() is None:
        pytest.skip("mosquitto is not installed")
    authority = Authority.create(tmp_path / "authority")
    authority.issue("server", ["localhost"])
    base = platform_settings(tmp_path, mqtt_listen="127.0.0.1", mqtt_authority=tmp_path / "authority")

    def settings_of(name: str) -> Settings:
        certificate, key = authority.issue(name, [])
        files: dict[str, Any] = {"mqtt_certificate": certificate, "mqtt_key": key}
        return base.model_copy(update={"mqtt_ca": authority.certificate_file, **files})

    broker = subprocess.Popen([sys.executable, "-m", "flead.stack.mqtt"], env=os.environ | environment(base))
    try:
        eventually(lambda: listens(base.mqtt_tls_port)(0), 20)
        with connected(settings_of("one"), "one") as (one, heard), connected(settings_of("two"), "two") as (two, other):
            one.publish("flead/two/up", b"{}", 1).wait_for_publish(10)  # taken, and thrown away
            one.publish("flead/one/up", b"{}", 1).wait_for_publish(10)
            two.publish("flead/global", b"{}", 1).wait_for_publish(10)
            plain = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gateway")
            everything: list[str] = []
            plain.on_message = lambda client, data, message: everything.append(message.topic)
            plain.on_connect = lambda client, *_: client.subscribe("#", 1)
            plain.on_subscribe = lambda client, *_: client.publish("flead/one/ack", b"{}", 1)
            plain.connect("127.0.0.1", base.mqtt_port)
            plain.loop_start()
            eventually(lambda: heard == ["flead/one/ack"], 20)
            one.publish("flead/two/state", b"{}", 1).wait_for_publish(10)
            one.publish("flead/one/state", b"{}", 1).wait_for_publish(10)
            eventually(lambda: "flead/one/state" in everything, 20)
            assert "flead/two/state" not in everything
            assert other == []
            plain.disconnect()
            plain.loop_stop()
        nobody = base.model_copy(update={"mqtt_ca": authority.certificate_file})
        with pytest.raises((ssl.SSLError, OSError, AssertionError)), connected(nobody, "nobody", 2):
            pass
    finally:
        broker.terminate()
        broker.wait(20)
