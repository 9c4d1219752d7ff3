"""The page of agents: a silent one is seen first, and what was refused is counted by reason."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.dashboard.browser import Browser
from tests.dashboard.fleet import Fleet
from tests.dashboard.test_viewer import get

pytestmark = pytest.mark.real

NOON = "2025-11-07T12:00:00Z"


def test_agents_are_seen_with_what_was_refused(
    browser: Browser,
    viewer: str,
    fleet: Fleet,
    connection: psycopg.Connection[Any],
    until: Callable[[Callable[[], Any]], Any],
) -> None:
    browser.open(f"{viewer}/agents")
    assert "No agents yet" in " ".join(browser.section("Agents"))

    insert = "INSERT INTO agents VALUES (%s, 'key', '*', false, %s, %s, %s, 7, %s)"
    for name, revoked, state, spoke in (
        ("a", False, "online", NOON),
        ("b", True, "online", None),
        ("c", False, "silent", NOON),
    ):
        connection.execute(insert, (name, revoked, NOON, state, spoke))
    connection.execute("INSERT INTO agent_devices VALUES ('device_0', 'a'), ('device_200', 'a')")
    connection.execute("INSERT INTO agent_refusals VALUES ('a', 'wrongly signed', 3), ('', 'unknown', 4)")
    connection.commit()

    rows = until(lambda: browser.rows("Agents") or None)
    assert [row[:4] for row in rows] == [
        ["c", "silent", "0", "7"], ["a", "online", "2", "7"], ["b", "revoked", "0", "7"],
    ]  # fmt: skip
    assert rows[1][-1] == "3 × wrongly signed"
    assert browser.rows("Refused under an agent's name") == [["unknown", "4"], ["wrongly signed", "3"]]
    found = json.loads(get(viewer, "/api/agents")[2])["rows"]
    assert {agent["name"]: agent["refused"] for agent in found} == {"a": {"wrongly signed": 3}, "b": {}, "c": {}}
    assert json.loads(get(viewer, "/api/agents/refused")[2])["rows"][0] == {"reason": "unknown", "rejected": 4}
