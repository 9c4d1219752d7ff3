"""What Flink is handed: everybody who can open its page can read it."""

import pickle
from typing import Any

import pytest

from flead.settings import SECRETS, Settings
from tests.platform_fixtures import require_platform

pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # PyFlink's own


def test_the_jobs_graph_holds_no_secret() -> None:
    require_platform()
    from flead.platform.training.job import Training

    secrets: dict[str, Any] = {name: f"https://hush/{name}" for name in SECRETS}
    graph = pickle.dumps(Training(Settings(**secrets, devices=4242)))
    assert b"zscore" in graph  # the settings are in it
    assert [name for name, secret in secrets.items() if secret.encode() in graph] == []
