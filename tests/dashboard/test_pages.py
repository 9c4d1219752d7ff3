"""Every page in a real browser, on a real database."""

import gc
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from flead.dashboard.formats import count, percent
from tests.conftest import Database
from tests.dashboard.browser import SIZES, Browser
from tests.dashboard.conftest import viewing
from tests.dashboard.fleet import CHANNELS, HOSTILE, Fleet

pytestmark = pytest.mark.real

SCREENS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]


def keep_all(browser: Browser, name: str) -> None:
    for size, scheme in SCREENS:
        browser.keep(name, size, scheme)


def test_overview_shows_what_the_database_holds(
    browser: Browser, viewer: str, fleet: Fleet, connection: psycopg.Connection[Any]
) -> None:
    def one(query: str) -> Any:
        found = connection.execute(query.encode()).fetchone()
        assert found is not None
        return found[0]

    browser.open(viewer)

    assert browser.section("Total local models")[0] == count(one("SELECT count(*) FROM local_models"))
    assert browser.section("Global models created")[0] == count(one("SELECT count(*) FROM federated_models"))
    assert browser.section("Active devices (last hour)")[0] == count(one("SELECT count(*) FROM devices"))
    assert browser.section("Readings")[0] == count(one("SELECT sum(readings)::bigint FROM devices"))
    assert browser.section("Anomalies")[0] == count(one("SELECT count(*) FROM anomalies"))
    assert browser.section("Rejected") == ["3", "2 × not a number, 1 × no timestamp"]

    newest = one("SELECT accuracy FROM federated_models ORDER BY global_version DESC LIMIT 1")
    measured = connection.execute("SELECT * FROM version_evaluations ORDER BY model_version DESC LIMIT 1").fetchone()
    assert measured is not None
    tp, fp, tn, fn = measured[1:5]
    accuracy = " ".join(browser.section("Latest global accuracy"))
    assert accuracy.startswith(percent(newest))
    assert f"Accuracy {percent((tp + tn) / (tp + fp + tn + fn))}" in accuracy
    assert f"Majority class {percent((tn + fp) / (tp + fp + tn + fn))}" in accuracy
    assert f"F1 {2 * tp / (2 * tp + fp + fn):.3g}" in accuracy
    assert f"False alarms {percent(fp / (fp + tn), 2)}" in accuracy

    models = connection.execute("SELECT global_version FROM federated_models ORDER BY 1 DESC LIMIT 8").fetchall()
    assert [row[0] for row in browser.rows("Recent federated models")] == [str(version) for (version,) in models]
    warned = connection.execute("""
        SELECT broker_id, count(*) FILTER (WHERE severity = 'warning'), count(*) FILTER (WHERE severity = 'critical')
        FROM anomalies GROUP BY 1 ORDER BY 1""").fetchall()
    brokers = browser.rows("Anomalies per broker")
    assert [(row[0], row[2], row[3]) for row in brokers] == [(f"Broker {b}", str(w), str(c)) for b, w, c in warned]
    alarms = connection.execute(
        "SELECT device_id, severity FROM alarms WHERE state <> 'closed' ORDER BY started_at DESC, id DESC LIMIT 8"
    ).fetchall()
    assert [(row[1], row[0]) for row in browser.rows("Latest alarms")] == alarms
    assert browser.section("Open alarms")[0] == count(one("SELECT count(*) FROM alarms WHERE state = 'open'"))
    assert f"{len(fleet.devices)}" in browser.script("return document.querySelector('.fleet-map').ariaLabel")
    assert len(browser.rows("Top devices by training count")) == 8
    assert len(browser.texts(".nicegui-echart svg")) == 3
    keep_all(browser, "overview")


def test_overview_goes_on_by_itself(browser: Browser, viewer: str, fleet: Fleet) -> None:
    browser.open(viewer)
    browser.script("window.still = true")
    for _ in range(2):
        fleet.go_on(50)
        browser.until(lambda: browser.section("Readings")[0] == count(fleet.ticks * len(fleet.devices)), seconds=5)
    assert browser.section("Total local models")[0] == count(fleet.ticks // 50 * len(fleet.devices))
    assert browser.rows("Recent federated models")[0][0] == str(fleet.versions)
    assert browser.script("return window.still"), "the page was loaded again"


def test_nothing_is_sent_while_nothing_changes(browser: Browser, viewer: str, fleet: Fleet) -> None:
    browser.open(viewer)
    browser.script("""
        window.sent = 0;
        window.socket.onAny((kind) => { if (kind === "update") window.sent += 1; });
        new Promise((later) => setTimeout(later, 4000)).then(() => { window.over = true; })""")
    browser.until(lambda: browser.script("return window.over"))
    assert browser.script("return window.sent") == 0
    fleet.go_on(1)
    browser.until(lambda: browser.script("return window.sent"))


def test_empty_store_says_what_to_do(browser: Browser, viewer: str) -> None:
    browser.open(viewer)
    assert browser.section("Total local models")[0] == "0"
    assert browser.section("Latest global accuracy")[0] == "–"
    assert "flead run" in " ".join(browser.section("Fleet"))
    assert browser.text(".live") == "Waiting for readings"
    browser.keep("overview-empty")
    browser.open(f"{viewer}/devices")
    assert "flead run" in browser.text(".empty")
    browser.open(f"{viewer}/devices/device_1")
    assert "no device with this id" in browser.text(".empty")


def test_empty_page_fills_when_the_first_readings_come(
    browser: Browser, viewer: str, connection: psycopg.Connection[Any]
) -> None:
    browser.open(f"{viewer}/devices/device_0")
    Fleet(connection).go_on(60)
    browser.until(lambda: "device_0" in browser.text("h1") and browser.section("Summary"))
    browser.until(lambda: browser.script("return document.querySelectorAll('.signal svg path').length") > 3)


def test_devices_are_searched_filtered_sorted_and_paged(
    browser: Browser, viewer: str, connection: psycopg.Connection[Any]
) -> None:
    Fleet(connection, [f"pump_{number}" for number in range(0, 2400, 20)]).go_on(60)
    browser.open(f"{viewer}/devices")

    def ids() -> list[str]:
        return [row[0] for row in browser.rows("Devices")]

    def order() -> Any:
        return browser.script("return document.querySelector('th:nth-child(6)').ariaSort")

    pumps = [f"pump_{number}" for number in range(0, 980, 20)]
    assert ids() == [*pumps[:5], "device_0", *pumps[5:]]  # the shorter id first
    assert browser.text(".pager .note") == "1–50 of 121"
    browser.click(".pager .button:last-child")
    browser.until(lambda: browser.text(".pager .note") == "51–100 of 121")
    browser.click(".pager .button:last-child")
    browser.until(lambda: browser.text(".pager .note") == "101–121 of 121")
    assert not browser.driver.find_element("css selector", ".pager .button:last-child").is_enabled()

    browser.write("input[type=search]", "PUMP_1")
    browser.until(lambda: ids()[:6] == [f"pump_{number}" for number in (100, 120, 140, 160, 180, 1000)])
    browser.script("""
        const list = document.querySelector('select');
        list.value = '3';
        list.dispatchEvent(new Event('change'))""")
    third = [f"pump_{number}" for number in range(1200, 1800, 20)]
    browser.until(lambda: ids() == third)
    browser.open(browser.driver.current_url)  # the address holds the view
    assert ids() == third
    assert browser.script("return document.querySelector('input').value") == "PUMP_1"

    browser.open(f"{viewer}/devices")
    assert order() == "none"
    browser.click("th:nth-child(6) button")
    browser.until(lambda: order() == "descending")
    anomalies = [int(row[5]) for row in browser.rows("Devices")]
    assert anomalies == sorted(anomalies, reverse=True)
    browser.click("th:nth-child(6) button")
    browser.until(lambda: order() == "ascending")
    browser.write("input[type=search]", "no such thing")
    browser.until(lambda: "No devices match" in browser.text(".empty"))
    browser.open(f"{viewer}/devices")
    keep_all(browser, "devices")


def test_typing_survives_updates(browser: Browser, viewer: str, fleet: Fleet) -> None:
    browser.open(f"{viewer}/devices")
    browser.write("input[type=search]", "device_2")
    browser.until(lambda: "match" in browser.text(".title-row"))
    fleet.go_on(1)
    browser.until(lambda: browser.rows("Devices")[0][4] == count(fleet.ticks))
    assert browser.script("return document.querySelector('input').value") == "device_2"


@pytest.mark.timeout(240)
def test_a_hundred_thousand_devices(browser: Browser, viewer: str, connection: psycopg.Connection[Any]) -> None:
    connection.execute("""
        INSERT INTO devices
        SELECT 'device_' || n, n / 600 % 4 + 1, '{value}', '2025-11-07T12:00Z',
               '2025-11-07T13:00Z'::timestamptz - n % 4000 * interval '1 second',
               1000, n % 50, NULL, NULL, 10, 9, 10, .9, .2
        FROM generate_series(0, 99999) AS n""")
    connection.execute("""
        INSERT INTO broker_totals
        SELECT b, 25000000, 250000, 0, 0, '2025-11-07T13:00Z' FROM generate_series(1, 4) AS b""")
    browser.open(f"{viewer}/devices?page=2000")
    assert browser.text(".pager .note") == "99,951–100,000 of 100,000"
    browser.write("input[type=search]", "device_9999")
    browser.until(lambda: browser.text(".pager .note") == "1–11 of 11")
    browser.open(viewer)
    assert browser.section("Active devices (last hour)") == ["90,025", "of 100,000 devices"]


def test_device_shows_its_signal_band_anomalies_and_versions(
    browser: Browser, viewer: str, fleet: Fleet, connection: psycopg.Connection[Any]
) -> None:
    browser.open(f"{viewer}/devices")
    browser.click("td.device a")
    browser.until(lambda: browser.text("h1") == "device_0")

    summary = " ".join(browser.section("Summary"))
    flagged = connection.execute(
        "SELECT value, z_score, mean, std FROM anomalies WHERE device_id = 'device_0' ORDER BY timestamp DESC, channel"
    ).fetchall()
    assert f"Readings {count(fleet.ticks)}" in summary
    assert f"Anomalies {count(len(flagged))} " in summary
    assert "Broker 1" in summary
    assert "3 channels" in summary

    drawn = browser.until(
        lambda: browser.script("""
        const signal = document.querySelector('.signal svg');
        return signal && {texts: [...signal.querySelectorAll('text')].map((t) => t.textContent),
                band: signal.querySelectorAll('path[fill="var(--band)"]').length,
                anomalies: signal.querySelectorAll('[fill="var(--warning)"], [fill="var(--critical)"]').length}""")
    )
    assert set(CHANNELS) <= set(drawn["texts"])
    assert drawn["band"] == 3
    assert drawn["anomalies"] > 0

    reasons = browser.rows("Why readings were flagged")
    value, z, mean, std = flagged[0]
    assert any(
        re.search(rf" was {value:.2f} where .* to .* was expected: {abs(z):.2f} standard deviations", row[2])
        and row[3:8] == [f"{value:.2f}", f"{mean:.2f}", f"{std:.3g}", f"{z:+.2f}".replace("-", "−"), "2.5"]
        for row in reasons
    ), (reasons, flagged[0])

    newest = connection.execute(
        "SELECT model_version, accuracy FROM local_models WHERE device_id = 'device_0' ORDER BY 1 DESC LIMIT 1"
    ).fetchone()
    assert newest is not None
    versions = browser.rows("Newest versions")
    assert (versions[0][0], versions[0][3]) == (str(newest[0]), percent(newest[1]))

    fleet.go_on(50)
    browser.until(lambda: browser.rows("Newest versions")[0][0] == str(newest[0] + 1), seconds=5)
    keep_all(browser, "device")


def test_what_devices_call_themselves_is_text(browser: Browser, viewer: str, fleet: Fleet) -> None:
    title = "Overview · FLEAD"
    browser.open(viewer)
    browser.until(lambda: any(row[0] == HOSTILE for row in browser.rows("Top devices by training count")))
    assert browser.driver.title == title
    browser.open(f"{viewer}/devices?search=img")
    browser.click("td.device a")
    browser.until(lambda: browser.text("h1") == HOSTILE)
    assert browser.driver.current_url.endswith(quote(HOSTILE, safe="!~*'()"))
    assert browser.driver.title == f"{HOSTILE} · FLEAD"
    assert browser.section("Summary")


def test_times_are_in_the_viewers_zone(browser: Browser, viewer: str, fleet: Fleet) -> None:
    browser.command("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    browser.open(f"{viewer}/devices/device_0")
    first = "//dt[text()='First seen']/following-sibling::dd//time"
    moment = browser.driver.find_element("xpath", first)
    assert moment.text == "7 Nov 2025, 17:30:00"
    assert moment.get_attribute("title") == "2025-11-07 12:00:00.000 UTC"
    assert moment.get_attribute("datetime") == "2025-11-07T12:00:00.000Z"


def test_theme_follows_the_system_until_it_is_chosen(browser: Browser, viewer: str) -> None:
    def theme() -> Any:
        return browser.script("return document.documentElement.dataset.theme")

    browser.open(viewer)
    assert theme() == "light"
    browser.look("laptop", "dark")
    browser.until(lambda: theme() == "dark")
    browser.click(".theme")  # light
    assert theme() == "light"
    browser.open(viewer)
    assert theme() == "light"
    browser.click(".theme")  # dark
    browser.click(".theme")  # as the system
    browser.look("laptop", "light")
    browser.until(lambda: theme() == "light")


def test_page_survives_an_outage_of_the_database(
    browser: Browser, viewer: str, fleet: Fleet, outage: Callable[[bool], None], database: Database
) -> None:
    browser.open(viewer)
    readings = browser.section("Readings")[0]
    browser.script("window.still = true")
    fleet.writer._connection.close()
    outage(True)
    browser.until(lambda: "The database does not respond" in browser.text("[role=alert]"))
    assert browser.text(".live").startswith("No response")
    assert browser.section("Readings")[0] == readings
    browser.keep("overview-outage")
    outage(False)
    browser.until(lambda: not browser.text("[role=alert]"))
    assert browser.text(".live").startswith("Live")
    assert browser.script("return window.still"), "the page was loaded again"


def test_page_opened_during_an_outage_fills_afterwards(
    browser: Browser, fleet: Fleet, database: Database, outage: Callable[[bool], None]
) -> None:
    fleet.writer._connection.close()
    outage(True)
    with viewing(database.conninfo) as url:
        browser.open(f"{url}/devices/device_0")
        assert "The database does not respond" in browser.text("[role=alert]")
        outage(False)
        browser.until(lambda: browser.section("Summary"))


def test_pages_that_were_closed_leave_nothing(browser: Browser, viewer: str, fleet: Fleet) -> None:
    def views() -> int:
        gc.collect()
        return sum(type(each).__name__ == "_View" for each in gc.get_objects())

    before = views()  # of viewers that were stopped with a page open
    for path in ("/", "/devices", "/devices/device_0"):
        browser.open(viewer + path)
    assert views() > before
    browser.driver.get("about:blank")
    browser.until(lambda: views() == before)


def test_pages_are_usable_without_a_mouse_or_eyes(browser: Browser, viewer: str, fleet: Fleet) -> None:
    for path in ("/", "/alarms", "/devices", "/devices/device_0", "/models", "/streams"):
        browser.open(viewer + path)
        problems = browser.script("""
            const name = (e) => (e.getAttribute('aria-label') ?? e.getAttribute('title') ?? e.innerText ?? '').trim();
            const all = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
            const problems = [];
            if (document.documentElement.lang !== 'en-US') problems.push('no language');
            if (all('h1').length !== 1) problems.push('not one h1');
            for (const e of all('a, button, input, select, [role=img]')) if (!name(e)) problems.push(e.outerHTML);
            for (const e of all('section:has(h2)')) {
                if (!document.getElementById(e.getAttribute('aria-labelledby'))) problems.push('section');
            }
            for (const e of all('table')) if (!e.caption.textContent) problems.push('table');
            const ids = all('[id]').map((e) => e.id);
            if (new Set(ids).size !== ids.length) problems.push('an id twice');
            if (all('main').length !== 1 || !all('nav').length || !all('header').length) problems.push('landmarks');
            if (document.documentElement.scrollWidth > innerWidth) problems.push('wider than the window');
            return problems""")
        assert problems == []
        browser.look("phone", "light")
        # Not innerWidth: a phone makes its window as wide as what is in it.
        assert browser.script("return document.documentElement.scrollWidth") <= SIZES["phone"][0]
        browser.look("laptop", "light")
    browser.open(viewer)
    browser.script("document.activeElement.blur()")
    browser.command("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert browser.script("return document.activeElement.innerText") == "Skip to the content"
