"""Chromium as the tests use it."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
SIZES = {"phone": (390, 844), "laptop": (1366, 768), "wide": (1920, 1080)}
SECONDS = 20


class Browser:
    """One window. Emulated settings last until :meth:`reset`."""

    def __init__(self, driver: webdriver.Chrome, artifacts: Path) -> None:
        self.driver = driver
        self._artifacts = artifacts

    def reset(self) -> None:
        """A laptop's light screen in UTC; what was logged before is forgotten."""
        self.driver.get("about:blank")
        self.command("Emulation.setTimezoneOverride", timezoneId="UTC")
        self.look("laptop", "light")
        self.driver.get_log("browser")
        self.driver.get_log("performance")

    def command(self, name: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, parameters)

    def look(self, size: str, scheme: str, height: int | None = None) -> None:
        width, usual = SIZES[size]
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height or usual, deviceScaleFactor=1, mobile=size == "phone",
        )  # fmt: skip
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str) -> None:
        """Open a page and wait until it stands."""
        self.driver.get(url)
        self.until(lambda: self.script("return window.did_handshake && !!document.querySelector('h1')"))

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def until(self, condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """What the condition gives once it is true."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited {seconds} s in vain on {self.driver.current_url}"
            time.sleep(0.05)
        return found

    def texts(self, selector: str) -> list[str]:
        """The visible texts of all such elements, read at one moment."""
        found: list[str] = self.script(
            """return [...document.querySelectorAll(arguments[0])]
                .filter((e) => e.checkVisibility()).map((e) => e.innerText)""",
            selector,
        )
        return found

    def text(self, selector: str) -> str:
        """The text of the first such element; empty if there is none."""
        return next(iter(self.texts(selector)), "")

    def section(self, title: str) -> list[str]:
        """The lines of the card with this title, without the title."""
        cards = [[line for line in text.split("\n") if line] for text in self.texts("section")]
        return next((lines[1:] for lines in cards if lines[:1] == [title]), [])

    def rows(self, caption: str) -> list[list[str]]:
        """The visible cells of a table's body."""
        found: list[list[str]] = self.script(
            """const tables = [...document.querySelectorAll('table')];
            const table = tables.find((t) => t.caption.textContent === arguments[0]);
            return [...(table?.tBodies[0].rows ?? [])].map(
                (row) => [...row.cells].filter((c) => c.checkVisibility()).map((c) => c.innerText.trim()))""",
            caption,
        )
        return found

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def write(self, selector: str, text: str) -> None:
        field = self.driver.find_element(By.CSS_SELECTOR, selector)
        field.clear()
        field.send_keys(text)

    def keep(self, name: str, size: str = "laptop", scheme: str = "light") -> None:
        """Keep a screenshot of the whole page, drawn for this screen."""
        self.look(size, scheme)
        self.look(size, scheme, height=max(self.script("return document.documentElement.scrollHeight"), SIZES[size][1]))
        self.until(lambda: self.script("return innerHeight >= document.documentElement.scrollHeight"))
        self.script("return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        self.driver.save_screenshot(str(self._artifacts / f"{name}-{size}-{scheme}.png"))
        self.look("laptop", "light")

    def complaints(self) -> list[str]:
        """Errors and warnings of the console since :meth:`reset`."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "INFO"]

    def hosts(self) -> set[str | None]:
        """The hosts that were asked for anything since :meth:`reset`, by HTTP or websocket."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                parameters = message["params"]
                address = urlsplit(parameters.get("url") or parameters["request"]["url"])
                if address.scheme in ("http", "https", "ws", "wss"):
                    found.add(address.hostname)
        return found


def start_chromium(program: str, driver: str, profile: Path, artifacts: Path) -> Browser:
    """Start a browser of its own, with a fresh profile; nothing is downloaded."""
    os.environ["SE_OFFLINE"] = "true"
    options = Options()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return Browser(webdriver.Chrome(options=options, service=Service(driver)), artifacts)
