"""The agent as a whole, with an uplink that the test holds in its hands."""

import logging
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from flead.agent.agent import Agent
from flead.agent.clock import Clock
from flead.agent.errors import AgentError
from flead.agent.figures import Figures
from flead.agent.store import AgentStore, Made, Outgoing
from flead.columns import Batch, Chunk
from flead.embedded.pipeline import Pipeline
from flead.ingest.csv_folder import csv_folder
from flead.records import GlobalModel, Rejected
from flead.settings import Settings
from flead.storage.writing.writer import Writer
from flead.topics import ANOMALIES, LOCAL_UPDATES
from tests.agent import fleets
from tests.agent.uplinks import Hand

WHO = Figures("gateway-1", "key")


def agent_of(directory, settings, name, uplink=None, **more) -> Agent:
    return Agent(settings, fleets.source(name), False, AgentStore(directory), uplink or Hand(), WHO, **more)


def read(agent: Agent, readings: int, batch: int = 100) -> None:
    for _ in range(0, readings, batch):
        chunk = agent._source.next_batch(batch, None)
        assert chunk is not None
        agent.step(chunk)


def by_topic(records: Sequence[Made | Outgoing]) -> dict[str, list[bytes]]:
    """How updates and alarms take turns depends on how readings were batched; their own orders do not."""
    return {topic: [one.record for one in records if one.topic == topic] for topic in (LOCAL_UPDATES, ANOMALIES)}


def test_an_agent_says_what_the_embedded_pipeline_says_bit_for_bit(tmp_path, connection):
    """With the same global models after the same readings; every update and every alarm, in the database's words."""
    name = fleets.record(tmp_path / "data")
    settings = Settings(data=name, source=name, buffer=3, share_values=True, uplink_rate=1e6)
    pipeline = Pipeline(
        settings, csv_folder(name, tmp_path / "data"), {}, lambda shard: Writer(connection, shard.devices, lambda _: 1)
    )
    uplink = Hand()
    agent = agent_of(tmp_path / "agent", settings, name, uplink)
    adopted = 0
    while (chunk := pipeline.source.next_batch(177, None)) is not None:
        pipeline.step(chunk)
        read(agent, 177, 177)
        model = pipeline.shard.global_model
        if model is not None and model.version > adopted:
            adopted, uplink.model = model.version, msgspec.json.encode(model)
            agent.exchange()
    pipeline.commit()
    agent.commit()
    made = agent._store.outgoing(0, 100_000)
    updates = [msgspec.json.decode(one.record) for one in made if one.topic == LOCAL_UPDATES]
    alarms = [msgspec.json.decode(one.record) for one in made if one.topic == ANOMALIES]
    assert adopted > 5
    stored = connection.execute(
        "SELECT device_id, model_version, global_version, accuracy, loss, samples_processed, parameters"
        " FROM local_models"
    ).fetchall()
    flat = [
        (u["device_id"], u["model_version"], u["global_version"], u["accuracy"], u["loss"], u["samples_processed"],
         [number for numbers in u["parameters"].values() for number in numbers])
        for u in updates
    ]  # fmt: skip
    assert sorted(stored, key=repr) == sorted(flat, key=repr)
    assert len(flat) == 48
    named = ("device_id", "channel", "value", "z_score", "severity", "detector", "mean", "std", "threshold")
    stored = connection.execute(f"SELECT {', '.join(named)} FROM anomalies").fetchall()
    assert sorted(stored, key=repr) == sorted((tuple(alarm[column] for column in named) for alarm in alarms), key=repr)
    assert len(stored) > 20


@pytest.mark.parametrize("crashes", [1, 7])
def test_after_a_crash_no_version_is_skipped_and_none_is_made_twice(tmp_path, crashes):
    """An agent that is forgotten between two commits goes on from the last one."""
    name = fleets.record(tmp_path / "data")
    settings = Settings(source=name, uplink_rate=1e6)
    uplink = Hand()
    for _ in range(crashes):
        agent = agent_of(tmp_path / "agent", settings, name, uplink)
        read(agent, 300)
        agent.commit()
        agent.exchange()
        read(agent, 200)  # lost with the crash, and not sent
        agent.exchange()
        agent._store.close()
    agent = agent_of(tmp_path / "agent", settings, name, uplink)
    agent.run(lambda: None)
    assert agent.figures.readings == 2400
    sent = {one.sequence: one for one in uplink.sent}
    expected = fleets.undisturbed(settings, name)
    assert by_topic([one for _, one in sorted(sent.items())]) == by_topic(expected)
    assert uplink.states[-1].state == "stopped"
    assert (uplink.states[-1].pending, agent._store.waiting.rows) == (0, 0)


def test_the_recording_that_has_ended_is_not_read_again_until_it_grows(tmp_path):
    name = fleets.record(tmp_path / "data", devices=1, readings=100)
    settings = Settings(source=name, uplink_rate=1e6)
    for expected in (100, 100):
        agent = agent_of(tmp_path / "agent", settings, name)
        agent.run(lambda: None)
        assert agent.figures.readings == expected
    with (tmp_path / "data" / "pump_0.csv").open("a") as file:
        file.write("2025-01-02T00:00:00Z,21.5\n")
    agent = agent_of(tmp_path / "agent", settings, name)
    agent.run(lambda: None)
    assert agent.figures.readings == 101


def test_without_an_uplink_learning_goes_on_and_everything_goes_out_later(tmp_path):
    name = fleets.record(tmp_path / "data")
    settings = Settings(source=name, uplink_rate=1e6)
    uplink = Hand(up=False)
    agent = agent_of(tmp_path / "agent", settings, name, uplink)
    read(agent, 2400)
    agent.commit()
    agent.exchange()
    assert uplink.sent == []
    uplink.up = True
    agent.run(lambda: None)
    assert by_topic(uplink.sent) == by_topic(fleets.undisturbed(settings, name))
    assert uplink.enrolled[0].devices == [f"pump_{n}" for n in range(6)]


def test_what_a_full_disk_refuses_is_written_when_there_is_room(tmp_path, caplog):
    name = fleets.record(tmp_path / "data")
    settings = Settings(source=name, uplink_rate=1e6)
    uplink = Hand()
    agent = agent_of(tmp_path / "agent", settings, name, uplink)
    read(agent, 300)
    agent.commit()
    pages = agent._store._one("PRAGMA page_count")[0]
    agent._store._database.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(5):
        read(agent, 300)
        agent.commit()
    agent.exchange()
    waiting = agent._store.waiting.rows
    assert [record.levelname for record in caplog.records if "full" in record.message] == ["ERROR"]  # said once
    agent._store._database.execute("PRAGMA max_page_count = 100000")
    with caplog.at_level(logging.INFO):
        agent.commit()
    assert agent._store.waiting.rows > waiting
    assert "can be written again" in caplog.text
    agent._store.close()  # and nothing of it was only in memory
    agent = agent_of(tmp_path / "agent", settings, name, uplink)
    agent.run(lambda: None)
    sent = {one.sequence: one for one in uplink.sent}
    assert by_topic(list(sent.values())) == by_topic(fleets.undisturbed(settings, name))


def test_a_store_that_stays_full_at_the_end_is_said(tmp_path):
    name = fleets.record(tmp_path / "data")
    agent = agent_of(tmp_path / "agent", Settings(source=name), name)
    agent._store._database.execute(f"PRAGMA max_page_count = {agent._store._one('PRAGMA page_count')[0]}")
    read(agent, 600)
    with pytest.raises(AgentError, match="could not be written"):
        agent.commit(last=True)


def test_no_reading_is_in_an_alarm_unless_values_are_shared(tmp_path):
    name = fleets.record(tmp_path / "data")
    for shared in (False, True):
        settings = Settings(source=name, share_values=shared)
        alarms = fleets.decoded(fleets.undisturbed(settings, name), ANOMALIES)
        known = Counter((alarm["value"] is not None, "mean" in alarm, "std" in alarm) for alarm in alarms)
        assert list(known) == [(shared, shared, shared)]
        assert all(alarm["z_score"] and alarm["threshold"] for alarm in alarms)


def test_a_fresh_start_forgets_what_was_learnt_but_goes_on_counting(tmp_path):
    name = fleets.record(tmp_path / "data")
    settings = Settings(source=name, uplink_rate=1e6)
    agent_of(tmp_path / "agent", settings, name).run(lambda: None)
    uplink = Hand()
    other = settings.model_copy(update={"learner": "tail"})
    with pytest.raises(AgentError, match="--fresh"):
        agent_of(tmp_path / "agent", other, name)
    for fresh, first, last in ((True, 9, 16), (False, 9, 16)):
        agent_of(tmp_path / "agent", other, name, uplink, fresh=fresh).run(lambda: None)
        versions = [msgspec.json.decode(one.record) for one in uplink.sent if one.topic == LOCAL_UPDATES]
        counted = sorted(one["model_version"] for one in versions if one["device_id"] == "pump_0")
        assert counted == list(range(first, last + 1))


def test_a_global_model_of_another_kind_is_told_and_left(tmp_path, caplog):
    name = fleets.record(tmp_path / "data")
    uplink = Hand()
    agent = agent_of(tmp_path / "agent", Settings(source=name), name, uplink)
    for wrong in (b"{}", msgspec.json.encode(GlobalModel(3, 1, 0.5, 2, "x", {"odd": [1.0]}, "2025-01-01T00:00:00Z"))):
        uplink.model = wrong
        agent.exchange()
    assert (agent.figures.foreign_models, agent.figures.global_version) == (2, 0)
    assert "none of this learner's" in caplog.text


def test_a_clock_that_is_set_back_stops_no_training(tmp_path, caplog):
    """One reading every ten seconds, of now, of 2001, and of now again: a device trains every minute all the while."""
    settings = Settings(source="-", uplink_rate=1e6)
    times = {"wall": 1_000_000_000, "passed": 0}
    clock = Clock(lambda: times["wall"], lambda: times["passed"])
    agent = Agent(settings, Silent(), True, AgentStore(tmp_path), Hand(), WHO, clock=clock)
    assert agent._ahead is not None
    agent._ahead._clock, agent._ahead._since = lambda: times["passed"], 0
    agent._learner.shard.devices.add(["pump"])

    def speak(minutes: int) -> int:
        before = agent.figures.updates
        for _ in range(6 * minutes):
            times["wall"] += 10_000
            times["passed"] += 10_000
            batch = Batch(np.zeros(1, np.int32), np.array([times["wall"]]), np.array([[20.0]]), np.full(1, -1, np.int8))
            agent.step(Chunk(batch, []))
            agent.commit()
        return agent.figures.updates - before

    assert speak(10) in (9, 10)
    times["wall"] += 10**12
    assert speak(10) in (10, 11)
    times["wall"] -= 10**12
    assert speak(3) <= 3
    assert speak(10) in (9, 10)
    assert agent.figures.clock_jumps == 2
    assert "the clock was set forward" in caplog.text
    assert "the clock was set back" in caplog.text
    assert "devices train by the earlier time" in caplog.text
    versions = [
        msgspec.json.decode(one.record)["model_version"]
        for one in agent._store.outgoing(0, 1000)
        if one.topic == LOCAL_UPDATES
    ]
    assert versions == list(range(1, len(versions) + 1))


def test_rejected_readings_are_counted_and_kept(tmp_path):
    name = fleets.record(tmp_path / "data")
    agent = agent_of(tmp_path / "agent", Settings(source=name), name)
    nothing = agent._source.next_batch(0, None)
    assert nothing is not None
    agent.step(Chunk(nothing.batch, [Rejected("x", "sensors/7", "neither a number nor JSON", b"warm")] * 3))
    agent.commit()
    kept = agent._store._database.execute("SELECT location, reason, raw FROM rejected").fetchall()
    assert kept == [("sensors/7", "neither a number nor JSON", b"warm")] * 3
    assert agent.figures.rejected == 3


class Silent:
    """A source that says nothing by itself."""

    name = "silent"

    def open(self, devices, position) -> None: ...
    def next_batch(self, limit, until):
        return None

    def start_time(self) -> int:
        return 0

    def snapshot(self) -> dict[str, int]:
        return {}

    def total(self) -> int | None:
        return None

    def close(self) -> None: ...
