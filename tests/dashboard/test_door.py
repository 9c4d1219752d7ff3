"""Who comes in where a password is set, and who does not."""

import base64
import http.client
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from flead.dashboard.door import FAILURES, WITHIN_SECONDS, Failures
from flead.dashboard.viewer import Viewer, ViewerError
from tests.conftest import Database
from tests.dashboard.conftest import settings, viewing
from tests.dashboard.test_viewer import UNREACHABLE, get

PASSWORD = "correct horse é"


def test_no_other_address_without_a_password() -> None:
    with pytest.raises(ViewerError, match="FLEAD_WEB_PASSWORD"):
        Viewer(settings(web_host="0.0.0.0"), UNREACHABLE)


def test_failures_grow_old() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    for _ in range(FAILURES):
        assert failures.wait("a") == 0
        failures.add("a")
    assert failures.wait("a") == WITHIN_SECONDS
    assert failures.wait("b") == 0
    now[0] = WITHIN_SECONDS
    assert failures.wait("a") == 0


def send(url: str, path: str, password: str, **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        form = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        connection.request("POST", path, urlencode({"password": password}), form)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.real
def test_a_password_opens_pages_and_api_and_guessing_is_slowed_down(database: Database) -> None:
    with viewing(database.conninfo, web_password=PASSWORD) as url:

        def page(**headers: str) -> tuple[int, dict[str, str], str]:
            return get(url, "/devices", Accept="text/html", **headers)

        assert get(url, "/healthz")[0] == 200
        assert page()[0] == 303
        assert page()[1]["location"] == "/sign-in?next=/devices"
        for path in ("/api/overview", "/metrics", "/api/openapi.json", "/_nicegui/3.18.0/static/nicegui.js"):
            assert get(url, path)[0] == 401, path
        upgrade: dict[str, Any] = {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "A" * 22 + "==",
        }  # fmt: skip
        assert get(url, "/_nicegui_ws/socket.io/?EIO=4&transport=websocket", **upgrade)[0] == 403

        status, headers, _ = send(url, "/sign-in?next=/devices", PASSWORD)
        assert (status, headers["location"]) == (303, "/devices")
        cookie = headers["set-cookie"]
        assert re.search("httponly", cookie, re.IGNORECASE)
        assert re.search("samesite=strict", cookie, re.IGNORECASE)
        assert PASSWORD not in cookie
        assert page(Cookie=cookie.partition(";")[0])[0] == 200
        assert page(Cookie="flead_session=guess")[0] == 303
        assert send(url, "/sign-in?next=//evil.example", PASSWORD)[1]["location"] == "/"
        assert send(url, "/sign-in", PASSWORD, Origin="http://evil.example")[0] == 403

        token = base64.b64encode(f"any:{PASSWORD}".encode()).decode()
        assert get(url, "/api/overview", Authorization=f"Basic {token}")[0] == 200
        bearer = {"Authorization": f"Bearer {PASSWORD}".encode().decode("latin-1")}
        assert get(url, "/metrics", **bearer)[0] in (200, 401)  # a header is bytes to some, latin-1 to others

        answers = [send(url, "/sign-in", "guess")[0] for _ in range(FAILURES + 1)]
        assert answers[0] == 401
        assert answers[-1] == 429
        assert get(url, "/api/overview", Authorization=f"Basic {token}")[0] == 429
        assert page(Cookie=cookie.partition(";")[0])[0] == 200  # who is in stays in
