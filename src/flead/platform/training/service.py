"""The training service: keeps the training job on Flink's cluster, whatever happens to the cluster.

With ``engine = "kafka"`` there is no such job: the service is then a member of a consumer group that trains.

It polls for the job and submits it where there is none. Flink itself restarts the job when a TaskManager is lost. A
restarted JobManager has no job; then the job is submitted again, restored from its newest checkpoint. When the service
is told to stop, it stops the job with a savepoint, from which the next one is restored.
"""

import logging
import subprocess
import sys
import time

from prometheus_client import Gauge

from flead.bus.health import HEALTHY, Health
from flead.bus.service import Service
from flead.layout import Layout
from flead.platform.training import group, saved
from flead.platform.training.cluster import Cluster, ClusterError, Job
from flead.settings import Settings

log = logging.getLogger("flead")

JOB = "training"
"""The job's name on Flink's page."""

LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 15.0
"""Seconds before a job that failed immediately is submitted again."""
SUBMIT_SECONDS = 180.0
STOP_SECONDS = 50.0
"""Seconds that a savepoint may take; the supervisor waits a little longer."""
SETTLED = 5
"""Checkpoints after which a job no longer needs those of earlier jobs; Flink keeps three."""


class SubmitError(Exception):
    """The job could not be submitted: the message says why."""


class Training:
    """The job and what watches it."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self._cluster = Cluster(settings.flink_host, settings.flink_port)
        self._flink = Layout.of(settings).flink
        self._service = service
        self._settled = ""
        self._handed_in = ""
        self._refused = False
        metrics = service.metrics
        self._checkpoints = Gauge("flead_checkpoints", "Checkpoints completed by the current job.", registry=metrics)
        self._duration = Gauge("flead_checkpoint_seconds", "Duration of the last checkpoint.", registry=metrics)
        self._size = Gauge("flead_checkpoint_bytes", "Size of the last checkpoint.", registry=metrics)

    def run(self) -> None:
        """Run until the service is stopped."""
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
            # Not immediately: what it failed of is likely to be still there.
            self._refused = True
            trouble = f"the job is {ended.state.lower()}: {self._cluster.failure(ended.id)}"
            return Health(trouble), PATIENCE_SECONDS
        try:
            self._handed_in, self._refused = self._submit(), False
        except SubmitError as error:
            return Health(f"the job cannot be submitted: {error}"), PATIENCE_SECONDS
        return Health("the job is starting"), LOOK_SECONDS

    def save_and_stop(self) -> None:
        """Stop the job with a savepoint. If that fails, the newest checkpoint is as good, and the log says so."""
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
        log.info("training: submitting the job, %s", f"restored from {state}" if state else "without earlier state")
        command = [sys.executable, "-m", "flead.platform.training.submit", *([state.as_uri()] if state else [])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
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


def run(settings: Settings) -> None:
    """``flead service training``, until it is told to stop. PyFlink needs ``stack.flink.client_environment``."""
    service = Service("training", settings.training_port)
    if settings.engine == "kafka":
        with service.running():
            group.train(settings, service)
        return
    training = Training(settings, service)
    with service.running():
        training.run()
    if service.stopping.is_set():
        training.save_and_stop()
