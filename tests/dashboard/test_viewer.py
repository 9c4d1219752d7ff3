"""The viewer as a server: its port, its end, its answers to programs and to strangers."""

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from flead.dashboard.viewer import Viewer, ViewerError
from tests.conftest import Database
from tests.dashboard.conftest import settings, viewing
from tests.dashboard.fleet import HOSTILE, Fleet

UNREACHABLE = {"host": "127.0.0.1", "port": 1, "dbname": "none", "user": "none"}


def get(url: str, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def test_importing_the_viewer_is_cheap() -> None:
    code = "import sys, flead.dashboard.viewer as v; print({'nicegui', 'uvicorn', 'psycopg'} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "set()"


def test_used_port_is_said_at_once() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ViewerError, match=rf"port {port} is in use on 127.0.0.1.*FLEAD_WEB_PORT"):
            Viewer(settings(web_port=port), UNREACHABLE)


@pytest.mark.parametrize("host", ["203.0.113.1", "no such host"])
def test_foreign_address_is_said_at_once(host: str) -> None:
    with pytest.raises(ViewerError, match="FLEAD_WEB_HOST"):
        Viewer(settings(web_host=host, web_password="long enough"), UNREACHABLE)


@pytest.mark.real
def test_stop_before_run_means_not_to_run() -> None:
    viewer = Viewer(settings(), UNREACHABLE)
    viewer.stop()
    viewer.run(on_ready=lambda url: pytest.fail("ran"))


@pytest.mark.real
def test_port_is_free_again_and_nothing_is_left(database: Database, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    before = {thread.name for thread in threading.enumerate()}
    for _ in range(2):
        with viewing(database.conninfo) as url:
            assert get(url)[0] == 200
        with pytest.raises(OSError, match="refused"):
            get(url)
    assert {thread.name for thread in threading.enumerate()} - before <= {"asyncio_0"}
    assert list(tmp_path.iterdir()) == []
    with database.connect() as connection:
        left = connection.execute("""
            SELECT pid FROM pg_stat_activity
            WHERE application_name = 'flead viewer' AND datname = current_database()""").fetchall()
    assert left == []


@pytest.mark.real
def test_health(database: Database, outage: Callable[[bool], None], viewer: str) -> None:
    status, _, text = get(viewer, "/healthz")
    assert (status, json.loads(text)["status"]) == (200, "ok")
    outage(True)
    deadline = time.monotonic() + 10
    while get(viewer, "/healthz")[0] == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    status, _, text = get(viewer, "/healthz")
    assert (status, json.loads(text)["status"]) == (503, "unavailable")
    assert get(viewer, "/api/overview")[0] == 503
    assert "secret" not in text
    outage(False)
    while get(viewer, "/healthz")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.real
def test_api(viewer: str, fleet: Fleet) -> None:
    status, headers, text = get(viewer, "/api/overview")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(text)["readings"] == fleet.ticks * len(fleet.devices)

    page = json.loads(get(viewer, "/api/devices?search=device_&sort=anomalies&descending=true&limit=3")[2])
    assert page["total"] == 11
    assert len(page["rows"]) == 3
    assert page["rows"][0]["anomalies"] >= page["rows"][1]["anomalies"] >= page["rows"][2]["anomalies"]

    assert json.loads(get(viewer, f"/api/devices/{quote(HOSTILE, safe='')}")[2])["device_id"] == HOSTILE
    assert get(viewer, "/api/devices/none")[0] == 404
    for wrong in ("limit=0", "limit=1001", "offset=-1", "sort=raw", "state=ill", "broker=x", "offset=99999999999"):
        assert get(viewer, f"/api/devices?{wrong}")[0] == 422, wrong
    assert get(viewer, "/api/devices?search=%00%ff")[0] == 200


@pytest.mark.real
@pytest.mark.parametrize(
    "address",
    ["/devices?page=0", "/devices?page=9999999999999", "/devices?broker=-1&sort=x&state=%00", "/devices/%00%ff"],
)
def test_senseless_addresses_are_pages_too(viewer: str, fleet: Fleet, address: str) -> None:
    assert get(viewer, address)[0] == 200


@pytest.mark.real
def test_answers_are_safe(viewer: str, fleet: Fleet) -> None:
    for path in ("/", "/devices", "/devices/device_0", "/api/overview", "/assets/theme.css", "/nothing"):
        _, headers, text = get(viewer, path)
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "server" not in headers, path
        assert re.findall(r"(?:src|href|url)\W{1,3}(?:https?:)?//", text) == [], path
    assert get(viewer, "/nothing")[0] == 404
    assert "<img src=x" not in get(viewer, "/")[2]


@pytest.mark.real
def test_another_sites_page_gets_nothing(viewer: str) -> None:
    port = urlsplit(viewer).port
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "A" * 22 + "==",
    }
    socket_path = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    assert get(viewer, Host=f"evil.example:{port}")[0] == 403
    assert get(viewer, Host=f"localhost:{port}")[0] == 200
    assert get(viewer, "/api/overview", Origin="http://evil.example")[0] == 403
    assert get(viewer, socket_path, Origin="http://evil.example", **upgrade)[0] == 403


@pytest.mark.real
def test_pages_that_were_left_are_forgotten(viewer: str) -> None:
    from nicegui import Client

    # Viewers of other tests in this process may have left theirs when they were stopped.
    before = set(Client.instances)
    for _ in range(3):
        assert get(viewer)[0] == 200
    assert len(set(Client.instances) - before) >= 3
    Client.prune_instances(client_age_threshold=0)
    assert set(Client.instances) <= before


@pytest.mark.real
def test_stops_soon_though_the_store_is_silent(silent_store: dict[str, Any]) -> None:
    with viewing(silent_store) as url:
        status, _, text = get(url, "/healthz")
        assert (status, json.loads(text)["status"]) == (503, "unavailable")
        assert "The database does not respond" in get(url)[2]
        began = time.monotonic()
    assert time.monotonic() - began < 4


@pytest.fixture
def silent_store() -> Any:
    """A server that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield UNREACHABLE | {"port": listener.getsockname()[1]}


@pytest.mark.real
def test_signals_are_the_callers(database: Database) -> None:
    code = f"""
import signal, sys
from flead.dashboard.viewer import Viewer
from flead.settings import Settings
viewer = Viewer(Settings(web_port=0), {database.conninfo!r})
signal.signal(signal.SIGINT, lambda *_: (print("interrupted", flush=True), viewer.stop()))
viewer.run(on_ready=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert get(url, "/healthz")[0] == 200
        process.send_signal(2)
        assert process.stdout.read().split() == ["interrupted", "stopped"]
        assert process.wait(10) == 0
