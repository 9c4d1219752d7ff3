"""The agent's store: all of a transaction or nothing, bounded, on a full disk as well."""

import sqlite3

import pytest

from flead.agent.bounds import Bounds
from flead.agent.errors import AgentError
from flead.agent.store import MOST_REJECTED, AgentStore, Change, Made, is_passing
from flead.records import Rejected
from flead.topics import ANOMALIES, LOCAL_UPDATES

DAY = 86_400_000


def update(device: str, made: int = 0, size: int = 100) -> Made:
    return Made(LOCAL_UPDATES, device, made, b"u" * size)


def alarm(device: str, made: int = 0, size: int = 100) -> Made:
    return Made(ANOMALIES, device, made, b"a" * size)


def put(store: AgentStore, change: Change, bounds: Bounds | None = None, now: int = 0) -> dict[str, int]:
    dropped: dict[str, int] = {}

    def finish(store: AgentStore) -> dict[str, bytes]:
        if bounds is not None:
            dropped.update(bounds.keep(store, now))
        return {"state": b"new"}

    store.commit(change, finish)
    return dropped


def waiting(store: AgentStore) -> list[tuple[int, str, str]]:
    found = [(one.sequence, one.topic, one.device) for one in store.outgoing(0, 10_000)]
    assert store.waiting.rows == len(found)
    assert store.waiting.bytes == sum(len(one.record) for one in store.outgoing(0, 10_000))
    return found


def test_what_is_answered_goes_and_no_number_comes_again(tmp_path):
    store = AgentStore(tmp_path)
    put(store, Change(made=[update("a"), alarm("a"), update("b")]))
    put(store, Change(answered={1, 2, 3}))
    store.close()
    store = AgentStore(tmp_path)
    put(store, Change(made=[update("a")]))
    assert waiting(store) == [(4, LOCAL_UPDATES, "a")]
    assert store.state() == {"state": b"new"}


def test_a_transaction_that_fails_changes_nothing(tmp_path):
    store = AgentStore(tmp_path)
    put(store, Change(made=[update("a")]))
    with pytest.raises(RuntimeError, match="died"):
        store.commit(
            Change(made=[update("b")], answered={1}, jump=5), lambda _: (_ for _ in ()).throw(RuntimeError("died"))
        )
    assert waiting(store) == [(1, LOCAL_UPDATES, "a")]


def test_superseded_updates_go_first_then_updates_and_alarms_last(tmp_path):
    store = AgentStore(tmp_path)
    bounds = Bounds(1000, DAY)
    put(store, Change(made=[update("a"), alarm("a"), update("b"), update("a"), alarm("b"), update("a"), update("c")]))
    assert put(store, Change(made=[update("d"), alarm("c"), alarm("d"), alarm("e")]), bounds) == {
        "superseded updates": 2
    }
    assert [one[0] for one in waiting(store)] == [2, 3, 5, 6, 7, 8, 9, 10, 11]
    assert put(store, Change(made=[alarm("f"), alarm("g"), alarm("h")]), bounds) == {"updates": 3}
    assert put(store, Change(made=[alarm("i")] * 4), bounds) == {"updates": 1, "alarms": 3}
    assert {topic for _, topic, _ in waiting(store)} == {ANOMALIES}
    assert waiting(store)[0][0] == 10  # of the alarms the oldest went


def test_what_is_too_old_goes_and_a_clock_that_is_set_makes_nothing_older(tmp_path):
    store = AgentStore(tmp_path)
    bounds = Bounds(10_000, DAY)
    put(store, Change(made=[update("a", made=0), alarm("a", made=DAY)]))
    assert put(store, Change(jump=400 * DAY), bounds, now=400 * DAY) == {}
    assert put(store, Change(), bounds, now=401 * DAY + 1) == {"updates": 1}
    assert waiting(store) == [(2, ANOMALIES, "a")]


def test_a_full_disk_is_an_error_that_passes(tmp_path):
    store = AgentStore(tmp_path)
    put(store, Change(made=[update("a")]))
    pages = store._one("PRAGMA page_count")[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full") as failed:
        put(store, Change(made=[update("b", size=100_000)]))
    assert is_passing(failed.value)
    assert waiting(store) == [(1, LOCAL_UPDATES, "a")]
    store._database.execute(f"PRAGMA max_page_count = {pages + 1000}")
    put(store, Change(made=[update("b", size=100_000)]))
    assert [one[2] for one in waiting(store)] == ["a", "b"]


def test_rejected_readings_are_kept_up_to_a_bound(tmp_path):
    store = AgentStore(tmp_path)
    for first in (0, 800):
        rows = [(n, Rejected("", f"line {n}", "no", b"x" * 9000)) for n in range(first, first + 800)]
        put(store, Change(rejected=rows))
    count, oldest, longest = store._one("SELECT count(*), min(seen), max(length(raw)) FROM rejected")
    assert (count, oldest, longest) == (MOST_REJECTED, 600, 500)


def test_a_damaged_store_is_named(tmp_path):
    (tmp_path / "agent.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(AgentError, match=r"agent\.db: cannot be used"):
        AgentStore(tmp_path)
