"""Everything that Grafana is given, as texts by path: dashboards and the provisioning that finds them."""

import json
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from flead.dashboard.grafana.devices import devices
from flead.dashboard.grafana.fleet import fleet
from flead.dashboard.grafana.panels import SOURCE, TYPE
from flead.dashboard.grafana.platform import platform
from flead.dashboard.grafana.quality import quality
from flead.storage.queries.reader import READER

DASHBOARDS = {"fleet": fleet, "quality": quality, "devices": devices, "platform": platform}

NOTE = "# Made from src/flead/dashboard/grafana by `make docs`: change it there.\n"

# Grafana replaces $NAME by the environment: the same files serve containers and processes.
SOURCES = f"""{NOTE}apiVersion: 1
datasources:
  - name: FLEAD
    uid: {SOURCE}
    type: {TYPE}
    access: proxy
    isDefault: true
    editable: false
    url: $GRAFANA_FLEAD_DATABASE
    user: {READER}
    jsonData:
      database: flead
      sslmode: disable
      postgresVersion: 1500
      timescaledb: false
      maxOpenConns: 8
      maxIdleConns: 8
      connMaxLifetime: 14400
    secureJsonData:
      password: $FLEAD_READER_PASSWORD
"""
PROVIDER = f"""{NOTE}apiVersion: 1
providers:
  - name: FLEAD
    folder: FLEAD
    type: file
    disableDeletion: true
    updateIntervalSeconds: 60
    options:
      path: $GRAFANA_FLEAD_DASHBOARDS
"""


def models() -> dict[str, dict[str, Any]]:
    """The dashboards by name, as plain JSON values."""
    encoder = JSONEncoder()
    return {name: json.loads(encoder.encode(make().build())) for name, make in DASHBOARDS.items()}


def files() -> dict[str, str]:
    """The files of ``deploy/grafana`` by their paths in it."""
    dashboards = {
        f"dashboards/{name}.json": json.dumps(model, indent=2, sort_keys=True) + "\n"
        for name, model in models().items()
    }
    return dashboards | {
        "provisioning/datasources/flead.yaml": SOURCES,
        "provisioning/dashboards/flead.yaml": PROVIDER,
    }
