"""The analysis every hour: a process of its own each time, so that between two runs there is no Java that waits."""

import logging
import subprocess
import sys

from prometheus_client import Counter, Gauge

from flead.bus.health import HEALTHY, Health
from flead.bus.service import Service
from flead.settings import Settings

FIRST_SECONDS = 120.0
"""From the service's start to its first run: so what is still starting is not slowed down, and readings have come."""
PATIENCE_SECONDS = 60.0
"""After a run that has failed."""
COMMAND = (sys.executable, "-m", "flead", "service", "analytics", "--once")

log = logging.getLogger("flead")


def run(settings: Settings) -> None:
    """``flead service analytics``, until it is told to stop."""
    service = Service("analytics", settings.analytics_port)
    runs = Counter("flead_runs", "Runs of the analysis that ended well.", registry=service.metrics)
    last = Gauge("flead_last_run_timestamp_seconds", "When the last of them ended.", registry=service.metrics)
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
                service.health, wait = Health(f"the last run ended with {code}; the log says why"), PATIENCE_SECONDS
                log.warning("analytics: %s", service.health.trouble)


def _run_once(service: Service) -> int:
    """Start the analysis and wait for it; its exit code. A service that is stopped stops it."""
    with subprocess.Popen(COMMAND) as process:
        while (code := process.poll()) is None:
            if service.stopping.wait(0.2):
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
        return code
