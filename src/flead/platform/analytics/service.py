"""The hourly analytics: a new process each time, so that no JVM idles between two runs."""

import logging
import subprocess
import sys

from prometheus_client import Counter, Gauge

from flead.bus.health import HEALTHY, Health
from flead.bus.service import Service
from flead.settings import Settings

FIRST_SECONDS = 120.0
"""Seconds from the service's start to its first run: other services start undisturbed, and readings have arrived."""
PATIENCE_SECONDS = 60.0
"""Seconds to wait after a failed run."""
COMMAND = (sys.executable, "-m", "flead", "service", "analytics", "--once")

log = logging.getLogger("flead")


def run(settings: Settings) -> None:
    """``flead service analytics``, until it is told to stop."""
    service = Service("analytics", settings.analytics_port)
    runs = Counter("flead_runs", "Successful runs of the analytics.", registry=service.metrics)
    last = Gauge("flead_last_run_timestamp_seconds", "When the last successful run ended.", registry=service.metrics)
    wait = min(FIRST_SECONDS, settings.analytics_seconds)
    with service.running():
        service.health = HEALTHY
        while not service.stopping.wait(wait):
            code = _run_once(service)
            if code == 0:
                service.health, wait = HEALTHY, settings.analytics_seconds
                runs.inc()
                last.set_to_current_time()
            elif not service.stopping.is_set():
                service.health = Health(f"the last run failed with exit code {code}; see the log")
                wait = PATIENCE_SECONDS
                log.warning("analytics: %s", service.health.trouble)


def _run_once(service: Service) -> int:
    """Start a run and wait for it; its exit code. The run is stopped with the service."""
    with subprocess.Popen(COMMAND) as process:
        while (code := process.poll()) is None:
            if service.stopping.wait(0.2):
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
        return code
