"""The analysis is run again and again, until somebody says stop."""

import sys
from pathlib import Path

import pytest

from flead.settings import Settings

RUN = """
import os, signal, sys
with open(sys.argv[1], "a+") as file:
    file.write("x")
    file.seek(0)
    runs = len(file.read())
if runs == 3:
    os.kill(os.getppid(), signal.SIGTERM)
sys.exit(runs == 1)
"""


def test_a_run_that_fails_is_said_and_the_next_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("prometheus_client")
    from flead.platform.analytics import service as hourly

    monkeypatch.setattr(hourly, "COMMAND", (sys.executable, "-c", RUN, str(tmp_path / "runs")))
    monkeypatch.setattr(hourly, "PATIENCE_SECONDS", 0.05)
    hourly.run(Settings(analytics_seconds=0.05, analytics_port=0))
    assert (tmp_path / "runs").read_text() == "xxx"
    assert "the last run failed with exit code 1; see the log" in caplog.text
