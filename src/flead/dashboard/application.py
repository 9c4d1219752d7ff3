"""The viewer's web application: the API and the pages, behind the guard."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import app as nicegui_application
from nicegui import ui

from flead.dashboard.api import add_api
from flead.dashboard.door import Door
from flead.dashboard.guard import Application, Guard
from flead.dashboard.pages.agents import add_agents
from flead.dashboard.pages.alarms import add_alarms
from flead.dashboard.pages.description import add_description
from flead.dashboard.pages.device import add_device
from flead.dashboard.pages.devices import add_devices
from flead.dashboard.pages.models import add_models
from flead.dashboard.pages.overview import add_overview
from flead.dashboard.pages.streams import add_streams
from flead.dashboard.site import Site

ASSETS = Path(__file__).parent / "assets"


def build(site: Site) -> Application:
    """The application of this viewer. A process has one at a time; the newest one counts."""
    # NiceGUI has one application a process, which refuses new middleware once it has run.
    nicegui_application.user_middleware.clear()
    nicegui_application.middleware_stack = None

    application = FastAPI(title="FLEAD", openapi_url=None)
    application.mount("/assets", StaticFiles(directory=ASSETS))
    add_api(application, site)
    for add in (add_overview, add_devices, add_device, add_agents, add_alarms, add_models, add_streams):
        add(site)
    add_description(site, application.openapi)
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
    password = site.settings.web_password
    door = Door(password.get_secret_value()) if password is not None else None
    return Guard(application, site.settings.web_host, door, site.settings.streams_port if site.streams else 0)
