"""The API for programs: JSON under ``/api``, its description, a stream of alarms, and the viewer's health.

Times are milliseconds since 1970, UTC. A list is ``{"rows": [...]}``, with ``total`` where it comes in pages. An
invalid request is answered with 404 or 422 and ``{"detail": ...}``, one that cannot be answered at present with 503.
"""

from fastapi import FastAPI

from flead.dashboard.api import agents, alarms, devices, models, overview, streams
from flead.dashboard.api.answers import describe, handle_errors
from flead.dashboard.site import Site


def add_api(application: FastAPI, site: Site) -> None:
    """Serve ``/healthz``, ``/metrics`` and ``/api``."""
    for part in (overview, devices, agents, alarms, models, streams):
        application.include_router(part.routes(site))
    handle_errors(application)
    describe(application)
