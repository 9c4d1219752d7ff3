"""The training service: keeps the training job on Flink's cluster, whatever happens to the cluster.

It looks for the job, hands it in where there is none, and looks again. Flink itself restarts the job when a TaskManager
is lost. A JobManager that comes back knows of no job; then the job is handed in anew, going on from its newest
checkpoint. Asked to stop, the service stops the job with a savepoint, from which the next one goes on.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import Gauge

from flead.bus.health import HEALTHY, Health
from flead.bus.service import Service
from flead.platform.training import saved
from flead.platform.training.cluster import Cluster, ClusterError, Job
from flead.settings import Settings

log = logging.getLogger("flead")

JOB = "training"
"""The job's name on Flink's page."""

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 15.0
"""Before a job that has failed at once is handed in again."""
SUBMIT_SECONDS = 180.0
STOP_SECONDS = 50.0
"""That a savepoint may take; the launcher waits for a little longer."""
SETTLED = 5
"""Checkpoints of its own after which a job has no more use for another's; Flink keeps three."""


class SubmitError(Exception):
    """The job could not be handed in: why."""


class Training:
    """The job and what watches it; ``flink`` is Flink's directory of checkpoints and savepoints."""

    def __init__(self, settings: Settings, flink: Path, environment: Mapping[str, str], service: Service) -> None:
        self._cluster = Cluster(settings.flink_host, settings.flink_port)
        self._flink = flink
        self._environment = {**os.environ, **environment}
        self._service = service
        self._settled = ""
        self._handed_in = ""
        self._refused = False
        metrics = service.metrics
        self._checkpoints = Gauge("flead_checkpoints", "Completed by the present job.", registry=metrics)
        self._duration = Gauge("flead_checkpoint_seconds", "What the last one took.", registry=metrics)
        self._size = Gauge("flead_checkpoint_bytes", "What the last one holds.", registry=metrics)

    def run(self) -> None:
        """Until the service is stopped."""
        while not self._service.stopping.is_set():
            health, wait = self._look()
            if not health.is_good and health != self._service.health:
                log.warning("training: %s", health.trouble)
            self._service.health = health
            self._service.stopping.wait(wait)

    def _look(self) -> tuple[Health, float]:
        """How the training is, and how many seconds to wait before the next look."""
        try:
            job = self._job()
            if job is None:
                return self._hand_in()
            self._look_at_checkpoints(job)
            if job.works:
                return HEALTHY, LOOK_SECONDS
            trouble = f"the job is {job.state.lower()}; {self._cluster.failure(job.id)}".rstrip("; ")
            return Health(trouble), LOOK_SECONDS
        except ClusterError as error:
            return Health(str(error)), LOOK_SECONDS

    def _hand_in(self) -> tuple[Health, float]:
        ended = next((job for job in self._cluster.jobs(JOB) if job.id == self._handed_in), None)
        if ended and not self._refused:
            # Not at once again: what it ended of is likely to be still there.
            self._refused = True
            trouble = f"the job is {ended.state.lower()}: {self._cluster.failure(ended.id)}"
            return Health(trouble), PATIENCE_SECONDS
        try:
            self._handed_in, self._refused = self._submit(), False
        except SubmitError as error:
            return Health(f"the job cannot be handed in: {error}"), PATIENCE_SECONDS
        return Health("the job is starting"), LOOK_SECONDS

    def save_and_stop(self) -> None:
        """Stop the job with a savepoint. Where that fails, the newest checkpoint is as good, and it is said."""
        try:
            job = self._job()
            if job is None:
                return
            request = self._cluster.stop(job.id)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline:
                place = self._cluster.stopped(job.id, request)
                if place is not None:
                    log.info("training: stopped, its state is in %s", place)
                    return
                time.sleep(0.2)
            log.warning("training: no savepoint within %.0f s; the newest checkpoint takes its place", STOP_SECONDS)
        except ClusterError as error:
            log.warning("training: %s; the newest checkpoint takes the savepoint's place", error)

    def _job(self) -> Job | None:
        """The job that is there, if one is."""
        return next((job for job in self._cluster.jobs(JOB) if not job.ended), None)

    def _submit(self) -> str:
        state = saved.newest(self._flink)
        log.info("training: handing in the job, %s", f"going on from {state}" if state else "which begins anew")
        command = [sys.executable, "-m", "flead.platform.training.submit", *([state.as_uri()] if state else [])]
        with subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            deadline = time.monotonic() + SUBMIT_SECONDS
            said = None
            while said is None:
                try:
                    said, _ = process.communicate(timeout=0.5)
                except subprocess.TimeoutExpired:
                    if self._service.stopping.is_set() or time.monotonic() > deadline:
                        process.kill()
        if process.returncode:
            raise SubmitError(said.strip().partition("\n")[0] or f"not done within {SUBMIT_SECONDS:.0f} s")
        return said.strip().splitlines()[-1]

    def _look_at_checkpoints(self, job: Job) -> None:
        answer = self._cluster.checkpoints(job.id)
        completed = answer["counts"]["completed"]
        self._checkpoints.set(completed)
        latest = answer["latest"]["completed"]
        if latest:
            self._duration.set(latest["end_to_end_duration"] / 1000)
            self._size.set(latest["state_size"])
        if completed >= SETTLED and self._settled != job.id:
            saved.forget_others(self._flink, job.id)
            self._settled = job.id


def run(settings: Settings, flink: Path, environment: Mapping[str, str]) -> None:
    """``flead service training``, until it is told to stop. ``environment`` is what PyFlink needs to hand a job in."""
    service = Service("training", settings.training_port)
    training = Training(settings, flink, environment, service)
    with service.running():
        training.run()
    if service.stopping.is_set():
        training.save_and_stop()
