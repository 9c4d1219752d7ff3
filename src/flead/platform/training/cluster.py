"""What the training service asks of Flink's JobManager, by its REST interface."""

import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

SECONDS = 10.0
"""Timeout of a request, in seconds."""
ENDED = {"FINISHED", "CANCELED", "FAILED"}


class ClusterError(Exception):
    """The JobManager does not respond, or refuses: the message says why."""


class Job(NamedTuple):
    """A job as the JobManager sees it."""

    id: str
    state: str
    tasks: dict[str, int]
    """How many of its tasks are in each state."""

    @property
    def ended(self) -> bool:
        """Whether it will do nothing more."""
        return self.state in ENDED

    @property
    def works(self) -> bool:
        """Whether all of its tasks run."""
        return self.state == "RUNNING" and self.tasks["running"] == self.tasks["total"] > 0


class Cluster:
    """A session cluster whose JobManager answers at ``host:port``. All methods raise ClusterError."""

    def __init__(self, host: str, port: int) -> None:
        self._address = f"http://{host}:{port}"

    def jobs(self, name: str) -> list[Job]:
        """The jobs of this name that have not ended, and those that have, as far as they are remembered."""
        found = self._ask("/jobs/overview")["jobs"]
        return [Job(job["jid"], job["state"], job["tasks"]) for job in found if job["name"] == name]

    def checkpoints(self, job: str) -> dict[str, Any]:
        """Counts of the job's checkpoints, and the latest."""
        return self._ask(f"/jobs/{job}/checkpoints")

    def failure(self, job: str) -> str:
        """Why the job failed last: its exception's innermost line; empty if it has not."""
        entries = self._ask(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
        lines = entries[0]["stacktrace"].splitlines() if entries else [""]
        causes = [line for line in lines if not line.startswith(("\t", "    ", "Traceback")) and line.strip()]
        return causes[-1].removeprefix("Caused by: ") if causes else ""

    def stop(self, job: str) -> str:
        """Begin to stop the job with a savepoint in the configured place; returns what to ask :meth:`stopped` for."""
        return str(self._ask(f"/jobs/{job}/stop", {"drain": False})["request-id"])

    def stopped(self, job: str, request: str) -> str | None:
        """The savepoint's place once it is complete, None before."""
        answer = self._ask(f"/jobs/{job}/savepoints/{request}")
        if answer["status"]["id"] != "COMPLETED":
            return None
        operation = answer["operation"]
        if "location" not in operation:
            reason = operation.get("failure-cause", {}).get("stack-trace", "no reason given").splitlines()
            raise ClusterError(f"no savepoint: {reason[0]}")
        return str(operation["location"])

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
        except (OSError, ValueError) as error:
            raise ClusterError(f"Flink's JobManager at {self._address} does not respond to {path}: {error}") from None
        return found
