"""A service answers for itself, waits for what is away, and stops when it is told to."""

import json
import os
import signal
import urllib.error
import urllib.request

import pytest

pytest.importorskip("prometheus_client", reason="the platform is not installed: make setup EXTRA=platform")

from flead.bus.health import HEALTHY, STARTING
from flead.bus.service import Service


def get(port: int | None, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_health_metrics_and_a_signal() -> None:
    from prometheus_client import Gauge

    service = Service("tester", port=0)
    Gauge("flead_test", "A number.", registry=service.metrics).set(7)
    before = signal.getsignal(signal.SIGTERM)
    with service.running():
        status, text = get(service.port, "/healthz")
        assert (status, json.loads(text)) == (503, {"service": "tester", "trouble": "starting"})
        service.health = HEALTHY
        assert get(service.port, "/healthz")[0] == 200
        assert "flead_test 7.0" in get(service.port, "/metrics")[1]
        assert get(service.port, "/secrets")[0] == 404
        os.kill(os.getpid(), signal.SIGTERM)
        assert service.stopping.wait(10)
    assert signal.getsignal(signal.SIGTERM) is before


def test_waits_until_what_is_away_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flead.bus.service.FIRST_WAIT", 0.001)
    service, tries = Service("tester"), []

    def attempt() -> int:
        tries.append(service.health.trouble)
        if len(tries) < 3:
            raise ConnectionError("away")
        return 42

    assert service.wait_for("the database", attempt, ConnectionError) == 42
    assert tries == ["starting", "waiting for the database: away", "waiting for the database: away"]
    assert service.health == HEALTHY


def test_what_still_has_to_start_is_not_well_once_one_need_is_there() -> None:
    service = Service("tester")
    service.wait_for("the database", lambda: None, ConnectionError, then=STARTING)
    assert service.health.trouble == "starting"


def test_a_stop_ends_the_waiting() -> None:
    service = Service("tester")

    def attempt() -> None:
        service.stop()
        raise ConnectionError("away")

    with service.running():
        service.wait_for("the database", attempt, ConnectionError)
        pytest.fail("it went on")
