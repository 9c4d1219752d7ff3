"""The viewer's web application: the API and the pages, behind the guard."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import app as nicegui_application
from nicegui import ui

from flead.dashboard.api import add_api
from flead.dashboard.guard import Application, Guard
from flead.dashboard.pages.device import add_device
from flead.dashboard.pages.devices import add_devices
from flead.dashboard.pages.overview import add_overview
from flead.dashboard.store import Store
from flead.settings import Settings

ASSETS = Path(__file__).parent / "assets"


def build(settings: Settings, store: Store) -> Application:
    """The application that serves this store. A process has one at a time; the newest one counts."""
    # NiceGUI has one application a process, which refuses new middleware once it has run.
    nicegui_application.user_middleware.clear()
    nicegui_application.middleware_stack = None

    application = FastAPI(title="FLEAD", openapi_url=None)
    application.mount("/assets", StaticFiles(directory=ASSETS))
    add_api(application, store)
    add_overview(store, settings)
    add_devices(store)
    add_device(store, settings)
    ui.run_with(
        application,
        title="FLEAD",
        favicon=(ASSETS / "icon.svg").read_text(encoding="utf-8"),
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        message_history_length=100,
        show_welcome_message=False,
    )
    return Guard(application, settings.web_host)
