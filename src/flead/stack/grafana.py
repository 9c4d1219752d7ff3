"""Grafana: its program where it is installed, and its configuration by environment variables."""

import shutil
from pathlib import Path

from flead.settings import Settings

FILES = Path(__file__).parents[3] / "deploy" / "grafana"
"""Data source and dashboards; in a checkout only."""


def program() -> Path | None:
    """Grafana's program, if this machine has it and this is a checkout."""
    found = shutil.which("grafana")
    return Path(found) if found and FILES.is_dir() else None


def command(program: Path) -> tuple[str, ...]:
    """The command that starts it; Grafana's own files are beside the program, or where Debian's package puts them."""
    homes = (program.resolve().parent.parent, Path("/usr/share/grafana"))
    home = next((home for home in homes if (home / "conf" / "defaults.ini").is_file()), homes[0])
    return str(program), "server", "--homepath", str(home)


def environment(settings: Settings, files: Path, data: str, database: str, host: str = "127.0.0.1") -> dict[str, str]:
    """Grafana's settings: ``files`` are those of ``deploy/grafana`` as it sees them, ``database`` a host and port."""
    return {
        "GF_SERVER_HTTP_ADDR": host,
        "GF_SERVER_HTTP_PORT": str(settings.grafana_port),
        "GF_SECURITY_ADMIN_PASSWORD": settings.grafana_password.get_secret_value(),
        "GF_PATHS_DATA": data,
        "GF_PATHS_LOGS": f"{data}/log",
        "GF_PATHS_PLUGINS": f"{data}/plugins",
        "GF_PATHS_PROVISIONING": f"{files}/provisioning",
        "GF_LOG_MODE": "console",
        "GF_DASHBOARDS_MIN_REFRESH_INTERVAL": "5s",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{files}/dashboards/fleet.json",
        # By default it contacts the internet for news, versions and plugins.
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GRAFANA_FLEAD_DASHBOARDS": f"{files}/dashboards",
        "GRAFANA_FLEAD_DATABASE": database,
        "FLEAD_READER_PASSWORD": settings.reader_password.get_secret_value(),
    }
