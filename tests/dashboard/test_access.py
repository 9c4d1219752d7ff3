"""The pages that people act on, in a real browser; and every page for everybody: axe finds nothing serious."""

import importlib.util
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.dashboard.browser import Browser
from tests.dashboard.fleet import Fleet

pytestmark = pytest.mark.real

PAGES = ("/", "/alarms", "/devices", "/devices/device_0", "/agents", "/models", "/streams", "/api")


def axe() -> str:
    """The source of axe-core, from its wheel."""
    found = importlib.util.find_spec("axe_core_python")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, viewer: str, fleet: Fleet, scheme: str) -> None:
    source = axe()
    problems = {}
    for path in PAGES:
        browser.open(viewer + path)
        browser.look("laptop", scheme)
        browser.until(lambda: browser.script("return document.documentElement.dataset.theme") == scheme)
        browser.script(source)
        found = browser.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        for violation in found["violations"]:
            if violation["impact"] in ("serious", "critical"):
                problems[path, violation["id"]] = [node["html"][:200] for node in violation["nodes"]][:3]
    assert problems == {}


def test_alarms_are_acknowledged_and_closed_on_the_page(
    browser: Browser, viewer: str, fleet: Fleet, connection: psycopg.Connection[Any]
) -> None:
    def state(number: int) -> Any:
        found = connection.execute("SELECT state FROM alarms WHERE id = %s", (number,)).fetchone()
        assert found is not None
        return found[0]

    newest = connection.execute(
        "SELECT id, device_id FROM alarms WHERE state <> 'closed' ORDER BY started_at DESC, id DESC LIMIT 1"
    ).fetchone()
    assert newest is not None
    number, device = newest
    browser.open(f"{viewer}/alarms")
    assert browser.rows("Alarms")[0][1] == device
    browser.click(f"button[aria-label^='Acknowledge alarm {number} ']")
    browser.until(lambda: state(number) == "acknowledged")
    browser.until(lambda: browser.rows("Alarms")[0][6] == "acknowledged")
    browser.keep("alarms")
    browser.click(f"button[aria-label^='Close alarm {number} ']")
    browser.until(lambda: state(number) == "closed")
    browser.open(f"{viewer}/alarms?state=closed")
    browser.until(lambda: browser.rows("Alarms"))
    assert "state=closed" in browser.script("return document.querySelector('a[download]').href")
    browser.keep("alarms", "phone", "dark")


def test_models_are_compared_and_rolled_back_on_the_page(
    browser: Browser, viewer: str, fleet: Fleet, connection: psycopg.Connection[Any]
) -> None:
    browser.open(f"{viewer}/models")
    assert browser.rows("Versions")[0][1] == f"v{fleet.versions}, current"
    browser.click("input[aria-label='Choose version 3']")
    browser.until(lambda: len(browser.rows("Their parameters")) == 4)
    assert [row[0] for row in browser.rows("The chosen versions")] == ["v3", f"v{fleet.versions}"]
    browser.click(".confirm > .button")
    browser.until(lambda: browser.text("dialog h2") == "Roll back the global model?")
    browser.keep("models-confirm")
    browser.click("dialog .primary")
    asked = "SELECT version FROM rollback_requests"
    browser.until(lambda: connection.execute(asked.encode()).fetchall() == [(3,)])
    browser.until(lambda: "Requested" in " ".join(browser.texts("[role=status]")))
    browser.keep("models", "laptop", "dark")


def test_the_streams_page_shows_what_was_refused(browser: Browser, viewer: str, fleet: Fleet) -> None:
    browser.open(f"{viewer}/streams")
    assert "flead up" in browser.text(".card.empty")
    assert browser.rows("Dead letters by reason") == [["not a number", "2"], ["no timestamp", "1"]]
    assert browser.rows("Newest dead letters")[0][-1] == "?"
    browser.keep("streams")


def test_from_the_overview_to_why_in_two_clicks(browser: Browser, viewer: str, fleet: Fleet) -> None:
    browser.open(viewer)
    device = browser.rows("Latest alarms")[0][1]
    browser.click(".latest td.device a")
    browser.until(lambda: browser.text("h1") == device)
    assert "expected" in browser.rows("Alarms")[0][1] or "move" in browser.rows("Alarms")[0][1]
