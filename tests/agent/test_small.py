"""The agent needs the core and its own extra, and nothing of the pipeline's or the platform's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flead.agent.address import parse, shown
from flead.agent.errors import AgentError
from flead.agent.run import alone, directory_of, run, running_as
from flead.agent.status import status
from flead.settings import Settings

ABSENT = (
    "confluent_kafka", "fastapi", "nicegui", "polars", "prometheus_client", "psutil", "psycopg", "pyflink", "pyspark",
    "scipy", "uvicorn",
)  # fmt: skip

SCRIPT = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None  # as if it were not installed
import flead.cli.app, flead.agent.run, flead.agent.status, flead.agent.mqtt_source, flead.agent.mqtt_uplink
from flead.agent.sources import make_source
from flead.settings import Settings
make_source(Settings(source="mqtt://localhost/sensors/+/data"), "me")
"""


def test_it_starts_where_nothing_else_is_installed():
    done = subprocess.run([sys.executable, "-c", SCRIPT, *ABSENT], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr


def test_status_where_no_agent_has_run_says_what_to_do(tmp_path):
    with pytest.raises(AgentError, match="set data_dir"):
        status(Settings(data_dir=tmp_path))


def test_two_agents_in_one_directory_are_refused(tmp_path):
    settings = Settings(data_dir=tmp_path, source="-", uplink="mqtt://127.0.0.1:1")
    with alone(directory_of(settings)):
        assert running_as(directory_of(settings)) == os.getpid()
        with pytest.raises(AgentError, match="another agent works in"):
            run(settings, fresh=False)
    assert running_as(directory_of(settings)) is None


@pytest.mark.parametrize(
    ("source", "uplink", "said"),
    [
        (None, "mqtt://localhost", "no source"),
        ("mqtt://localhost", "mqtt://localhost", "lacks the topics"),
        ("ftp://x", "mqtt://localhost", "no source of readings"),
        ("-", None, "no uplink"),
        ("-", "http://localhost", "is no address"),
        ("-", "mqtt://localhost:99999", "uplink = 'mqtt://localhost:99999'"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, monkeypatch, source, uplink, said):
    settings = Settings(data_dir=tmp_path, source=source, uplink=uplink)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(AgentError, match=said):
            run(settings, fresh=False)


def test_a_password_is_not_shown():
    assert shown("mqtt://me:se%40cret@host/a/+/b") == "mqtt://me@host/a/+/b"
    assert parse("mqtt://me:se%40cret@host/a/+/b", "source").password == "se@cret"
