"""The API on live data: filters, what a person does with alarms and models, events, exports, and no answer of 500."""

import csv
import http.client
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from flead.dashboard.webhook import sign
from flead.storage.writing.alarms import AlarmRules
from tests.conftest import Database
from tests.dashboard.conftest import settings, viewing
from tests.dashboard.fleet import Fleet
from tests.dashboard.test_viewer import get

pytestmark = pytest.mark.real


def ask(url: str, path: str) -> Any:
    status, _, text = get(url, path)
    assert status == 200, text
    return json.loads(text)


def post(url: str, path: str, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("POST", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def test_alarms_are_listed_acknowledged_closed_and_exported(viewer: str, fleet: Fleet) -> None:
    page = ask(viewer, "/api/alarms?state=active&limit=2")
    assert page["total"] >= len(page["rows"]) > 0
    first = page["rows"][0]
    assert post(viewer, f"/api/alarms/{first['id']}/acknowledge")[1]["state"] == "acknowledged"
    assert [row["id"] for row in ask(viewer, "/api/alarms?state=acknowledged")["rows"]] == [first["id"]]
    status, closed = post(viewer, f"/api/alarms/{first['id']}/close")
    assert (status, closed["state"], closed["closed_by"]) == (200, "closed", "user")
    assert post(viewer, f"/api/alarms/{first['id']}/reopen")[1]["state"] == "open"
    assert post(viewer, "/api/alarms/999999/close") == (404, {"detail": "there is no alarm 999999"})
    assert post(viewer, f"/api/alarms/{first['id']}/burn")[0] == 422
    _, headers, text = get(viewer, "/api/alarms.csv?severity=critical")
    records = list(csv.DictReader(io.StringIO(text)))
    assert "attachment" in headers["content-disposition"]
    assert {record["severity"] for record in records} == {"critical"}
    assert records[0]["started_at"].endswith("Z")
    assert len(ask(viewer, "/api/alarms.json")) == ask(viewer, "/api/alarms")["total"]


def test_formulas_are_text_in_a_table() -> None:
    from flead.dashboard.api.alarms import _cell

    assert [_cell(value) for value in ("=1+1", "@x", "device_1", -2.5)] == ["'=1+1", "'@x", "device_1", -2.5]


def test_changed_alarms_come_as_events(viewer: str, fleet: Fleet) -> None:
    number = ask(viewer, "/api/alarms?state=active&limit=1")["rows"][0]["id"]
    connection = http.client.HTTPConnection(urlsplit(viewer).netloc, timeout=20)
    connection.request("GET", "/api/alarms/stream")
    answer = connection.getresponse()
    assert answer.getheader("content-type", "").startswith("text/event-stream")
    assert answer.readline() == b"retry: 2000\n"
    post(viewer, f"/api/alarms/{number}/acknowledge")
    lines = iter(answer.readline, b"")
    revision = next(line for line in lines if line.startswith(b"id: "))
    assert next(lines) == b"event: alarm\n"
    alarm = json.loads(next(lines).removeprefix(b"data: "))
    assert (alarm["id"], alarm["state"], alarm["revision"]) == (number, "acknowledged", int(revision[4:]))
    connection.close()


def test_models_are_compared_and_rolled_back(viewer: str, fleet: Fleet, database: Database) -> None:
    newest = ask(viewer, "/api/models?limit=1")["rows"][0]
    assert newest["version"] == fleet.versions
    assert ask(viewer, "/api/models/2")["parameters"]["weights"][:2] == [0.1, 0.2]
    changes = {one["name"]: one["change"] for one in ask(viewer, "/api/models/1/diff/3")["parameters"]}
    assert changes["weights[2]"] == pytest.approx(0.6)
    assert changes["bias"] == 0
    assert post(viewer, "/api/models/2/rollback")[0] == 202
    assert post(viewer, "/api/models/9999/rollback")[0] == 404
    with database.connect() as connection:
        assert connection.execute("SELECT version FROM rollback_requests").fetchall() == [(2,)]


def test_the_rest_answers_too(viewer: str, fleet: Fleet) -> None:
    assert ask(viewer, "/api/fleet")["states"]
    assert len(ask(viewer, "/api/rates?minutes=5")["models"]) == 5
    assert ask(viewer, "/api/anomalies?severity=critical&limit=3")["rows"][0]["severity"] == "critical"
    assert ask(viewer, "/api/dead-letters")["reasons"][0] == {"reason": "not a number", "rejected": 2}
    assert len(ask(viewer, "/api/devices/device_0/signal?channel=flow&limit=7")["rows"]) == 7
    assert ask(viewer, "/api/devices/device_0/anomalies")["rows"]
    assert ask(viewer, "/api/devices/device_0/parameters")["version"] > 0
    assert ask(viewer, "/api/devices?kind=temperature,%20pressure,%20flow")["total"] == 1
    assert get(viewer, "/api/devices/none/signal")[0] == 404
    assert "flead up" in get(viewer, "/api/streams")[2]
    assert post(viewer, "/api/webhook/test")[0] == 404
    assert "flead_devices{state=" in get(viewer, "/metrics")[2]


def test_no_question_is_answered_with_an_error_of_ours(viewer: str, fleet: Fleet) -> None:
    import schemathesis
    from hypothesis import HealthCheck, Phase, given
    from hypothesis import settings as quick
    from schemathesis.checks import not_a_server_error

    schema = schemathesis.openapi.from_url(f"{viewer}/api/openapi.json")
    tried = 0
    for operation in schema.get_all_operations():
        made = operation.ok()  # type: ignore[union-attr]
        if made.path.endswith("/stream"):
            continue

        @quick(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True,
               suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=made.as_strategy())
        def answers(case: Any) -> None:
            case.call_and_validate(base_url=viewer, checks=[not_a_server_error])

        answers()
        tried += 1
    assert tried > 20


Received = list[tuple[dict[str, str], bytes]]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received, list[int]]]:
    """The other side of a webhook: its address, what it got, and the statuses to answer with first."""
    received: Received = []
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(({name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(statuses.pop(0) if statuses else 204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook?token=tell-nobody", received, statuses
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_new_criticals_are_sent_signed_and_again_until_they_are_understood(
    database: Database, receiver: tuple[str, Received, list[int]], until: Callable[[Callable[[], Any]], Any]
) -> None:
    address, received, statuses = receiver
    statuses += [500]
    with database.connect() as connection:
        fleet = Fleet(connection, rules=AlarmRules(webhook=True))
        fleet.go_on(150)
        found = connection.execute("SELECT count(*) FROM alarms WHERE severity = 'critical'").fetchone()
        assert found is not None
        assert found[0] > 1
        with viewing(database.conninfo, webhook_url=address, webhook_secret="not to be told") as url:
            until(lambda: len({json.loads(body)["id"] for _, body in received}) == found[0])
            waiting = "SELECT count(*) FROM webhook_deliveries WHERE delivered_at IS NULL"
            until(lambda: connection.execute(waiting.encode()).fetchone() == (0,))
            assert len(received) == found[0] + 1  # the refused one came twice
            for headers, body in received:
                assert headers["x-flead-signature"] == sign(b"not to be told", headers["x-flead-timestamp"], body)
            status, answer = post(url, "/api/webhook/test")
            assert (status, answer["delivered"]) == (200, True)
            assert json.loads(received[-1][1])["event"] == "test"
            statuses += [302]
            assert post(url, "/api/webhook/test")[1]["trouble"] == "it answered with status 302"
            assert "tell-nobody" not in json.dumps(answer) + get(url, "/alarms")[2]
            assert "not to be told" not in get(url, "/alarms")[2]


def test_settings_that_are_given_keep_their_secrets() -> None:
    shown = repr(settings(webhook_url="https://example.com/token", webhook_secret="x" * 20, web_password="y" * 20))
    assert "token" not in shown
    assert "xxx" not in shown
    assert "yyy" not in shown
