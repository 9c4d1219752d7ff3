"""Takes the pictures in docs/images: the real viewer on the simulated fleet, in a headless Chromium.

Run it with ``make pictures`` or ``python -m tools.pictures``. It takes about a minute.
"""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

IMAGES = Path(__file__).parent.parent / "docs" / "images"
WIDTH = 1440
START_SECONDS = 180
"""To wait for the first page: the first run compiles the kernels."""
DATA_SECONDS = 120
SETTLE_SECONDS = 4.0
"""A page refreshes every second or two and its charts move for a moment: nothing to wait for says that it is calm."""


@contextmanager
def viewer() -> Iterator[str]:
    """The address of a viewer of a new fleet, which runs as long as the block."""
    with TemporaryDirectory() as directory:
        settings = {"FLEAD_DATA_DIR": directory, "FLEAD_WEB_PORT": "0", "FLEAD_DATABASE_PORT": "0"}
        run = subprocess.Popen(
            [sys.executable, "-m", "flead", "run"], cwd=directory, env={**os.environ, **settings},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert run.stderr is not None
        try:
            yield next(line.split()[1] for line in run.stderr if line.startswith("viewer: "))
        finally:
            run.terminate()
            run.communicate(timeout=60)


def ask(url: str) -> Any:
    """What the viewer's API answers."""
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


def wait_for(condition: Callable[[], Any], seconds: float) -> Any:
    """The first answer that is true; TimeoutError if none is in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.5)
    return answer


def is_filled(url: str) -> bool:
    """The fleet has caught up with the present and learnt enough for every panel."""
    overview = ask(f"{url}/api/overview")
    late = time.time() * 1000 - (overview["clock"] or 0)
    return bool(late < 5000 and overview["global_models"] > 100)


def device_with_an_alarm(url: str) -> str | None:
    """A device that has just had a critical anomaly."""
    found = ask(f"{url}/api/devices?state=critical&sort=last_seen&descending=true&limit=1")
    return str(found["rows"][0]["device_id"]) if found["rows"] else None


@contextmanager
def browser() -> Iterator[Chrome]:
    """A headless one with a light theme."""
    options, driver_path = ChromeOptions(), which("chromedriver")
    options.binary_location = which("chromium") or which("google-chrome") or ""
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={WIDTH},1000"):
        options.add_argument(argument)
    driver = Chrome(options, Service(driver_path)) if driver_path else Chrome(options)
    try:
        light = [{"name": "prefers-color-scheme", "value": "light"}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": light})
        yield driver
    finally:
        driver.quit()


def take(driver: Chrome, url: str, name: str) -> None:
    """The whole page as docs/images/NAME.png."""
    driver.get(url)
    time.sleep(SETTLE_SECONDS)
    height = driver.execute_script("return document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1}
    taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    (IMAGES / f"{name}.png").write_bytes(base64.b64decode(taken["data"]))


def main() -> None:
    """Take all of them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with viewer() as url, browser() as driver:
        wait_for(lambda: is_filled(url), DATA_SECONDS)
        take(driver, url, "overview")
        take(driver, f"{url}/alarms", "alarms")
        take(driver, f"{url}/models", "models")
        device = wait_for(lambda: device_with_an_alarm(url), DATA_SECONDS)
        take(driver, f"{url}/devices/{quote(device, safe='')}", "device")


if __name__ == "__main__":
    main()
