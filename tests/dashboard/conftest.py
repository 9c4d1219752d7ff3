"""A viewer on a free port, and a real browser that keeps a record of what it was sent and what it complained of."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flead.dashboard.viewer import Viewer
from flead.settings import Settings
from tests.conftest import Database
from tests.dashboard.browser import Browser, start_chromium
from tests.dashboard.fleet import Fleet

SECONDS = 60
ARTIFACTS = "FLEAD_TEST_ARTIFACTS"
CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)


def settings(**values: Any) -> Settings:
    """The defaults, but a free port, and these."""
    return Settings.model_validate({"web_port": 0, **values})


@contextmanager
def viewing(conninfo: dict[str, Any], **values: Any) -> Iterator[str]:
    """The address of a viewer of this database, while the block lasts."""
    viewer = Viewer(settings(**values), conninfo)
    ready = threading.Event()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            viewer.run(on_ready=lambda url: ready.set())
        except BaseException as error:
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert ready.wait(SECONDS), "the viewer did not start"
        if failures:
            raise failures[0]
        yield viewer.url
    finally:
        viewer.stop()
        thread.join(SECONDS)
        assert not thread.is_alive(), "the viewer did not stop"


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Waits for a condition, and gives what it gives."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)
        return found

    return wait


@pytest.fixture
def fleet(database: Database) -> Iterator[Fleet]:
    """A fleet that has been running for twenty minutes."""
    with database.connect() as connection:
        fleet = Fleet(connection)
        fleet.go_on(600)
        fleet.reject("not a number", "not a number", "no timestamp")
        yield fleet


@pytest.fixture
def viewer(database: Database) -> Iterator[str]:
    with viewing(database.conninfo) as url:
        yield url


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept."""
    directory = Path(os.environ[ARTIFACTS]) if ARTIFACTS in os.environ else tmp_path_factory.mktemp("screenshots")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory, artifacts: Path) -> Iterator[Browser]:
    program = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
    driver = shutil.which("msedgedriver" if program and "edge" in program else "chromedriver")
    if program is None or driver is None:
        pytest.skip("needs Chromium, Chrome or Edge, and its driver, on the PATH")
    browser = start_chromium(program, driver, tmp_path_factory.mktemp("profile"), artifacts)
    try:
        yield browser
    finally:
        browser.driver.quit()


@pytest.fixture
def browser(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """The browser; in the end it must have no complaint, and have asked no other host for anything."""
    if "viewer" in request.fixturenames:  # it has to outlive the page, which complains when nobody answers
        request.getfixturevalue("viewer")
    chromium.reset()
    yield chromium
    complaints, hosts = chromium.complaints(), chromium.hosts()
    chromium.driver.get("about:blank")
    assert complaints == []
    assert hosts <= {"127.0.0.1"}


@pytest.fixture
def outage(database: Database, postgres: Any) -> Callable[[bool], None]:
    """``outage(True)`` cuts the database's connections and refuses new ones, ``outage(False)`` ends that."""
    import psycopg
    from psycopg import sql

    def switch(out: bool) -> None:
        name = database.conninfo["dbname"]
        with psycopg.connect(**postgres.connection(), autocommit=True) as connection:
            allowed = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            connection.execute(allowed.format(sql.Identifier(name), sql.Literal(not out)))
            if out:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

    return switch
