"""The auditor of one partition says what the embedded pipeline says, and never twice."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from flead.evaluation.arrivals import Arrived
from flead.platform.evaluation.audit import PartitionAudit
from flead.platform.spark.messages import Messages
from flead.settings import Settings
from flead.storage.writing.positions import MovedError, Position
from flead.storage.writing.state import reset
from tests.platform.spark.reference import COUNTS, DETECTIONS, PREDICTIONS, Reference, machines, reference

pytestmark = pytest.mark.real

# One partition, so that all readings are in it.
SETTINGS = Settings(
    devices=40, readings=12_000, brokers=1, partitions=1, devices_per_broker=7, buffer=7, predictions_per_version=10_000
)
TOPIC = "a topic"


def messages_of(expected: Reference) -> Messages:
    texts = [text for _, text, _ in expected.readings]
    arrived = np.array([arrival for _, _, arrival in expected.readings])
    bounds = np.cumsum([0, *map(len, texts)])
    return Messages(np.arange(len(texts)), arrived, b"".join(texts), bounds)


def take(audit: PartitionAudit, messages: Messages, models: list[Arrived]) -> None:
    audit.observe(messages, models)
    audit.commit(Position(TOPIC, int(messages.offsets[-1]) + 1, int(messages.arrived[-1])))


def assert_stored(connection: psycopg.Connection[Any], expected: Reference) -> None:
    for query, wanted in ((COUNTS, expected.counts), (PREDICTIONS, expected.predictions)):
        assert connection.execute(query.encode()).fetchall() == wanted
    assert connection.execute(DETECTIONS.encode()).fetchall() == expected.detections


def test_any_cut_gives_what_the_embedded_pipeline_says(connection: psycopg.Connection[Any]) -> None:
    expected = reference(SETTINGS, connection)
    assert len({version for version, *_ in expected.counts}) > 10
    assert sum(sum(counts) for *_, tp, fp, tn, fn in expected.counts for counts in [(tp, fp, tn, fn)]) > 10_000
    messages = messages_of(expected)
    for cuts in [0, 12_000], [0, 1, 2, 700, 5_000, 5_001, 12_000]:
        reset(connection)
        audit = PartitionAudit(SETTINGS, 0, connection)
        for start, stop in pairwise(cuts):
            if start == 5_000:  # another process goes on
                audit = PartitionAudit(SETTINGS, 0, connection)
            take(audit, messages.part(start, stop), expected.models)
        assert_stored(connection, expected)


@pytest.mark.parametrize("learner", ["zscore", "drift", "tail"])
def test_every_learner_on_machines_of_several_sensors(
    learner: str, connection: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = machines(tmp_path, learner)
    # Devices that judge with the help of a global model have it here as soon as there: after the very next reading.
    monkeypatch.setattr("flead.embedded.pipeline.BATCH", 1)
    expected = reference(settings, connection)
    assert len({version for version, *_ in expected.counts}) > 5
    assert expected.detections[0][1] > 10  # anomalies that were found
    messages = messages_of(expected)
    reset(connection)
    audit = PartitionAudit(settings, 0, connection)
    take(audit, messages.part(0, 1711), expected.models)
    take(PartitionAudit(settings, 0, connection), messages.part(1711, messages.size), expected.models)
    assert_stored(connection, expected)


def test_what_two_processes_have_begun_counts_once(connection: psycopg.Connection[Any]) -> None:
    expected = reference(SETTINGS, connection)
    messages = messages_of(expected)
    reset(connection)
    first, second = (PartitionAudit(SETTINGS, 0, connection) for _ in range(2))
    take(first, messages.part(0, 3000), expected.models)
    second.observe(messages.part(0, 5000), expected.models)
    with pytest.raises(MovedError, match="evaluation/0/position is not at 0"):
        second.commit(Position(TOPIC, 5000))
    # Whoever begins again is told where.
    third = PartitionAudit(SETTINGS, 0, connection)
    assert third.position.start(TOPIC) == 3000
    assert third.position.start("the topic, made anew") == 0
    take(third, messages.since(3000), expected.models)
    assert_stored(connection, expected)


def test_single_predictions_keep_to_their_number(connection: psycopg.Connection[Any]) -> None:
    few = SETTINGS.model_copy(update={"predictions_per_version": 9})
    expected = reference(few, connection)
    reset(connection)
    take(PartitionAudit(few, 0, connection), messages_of(expected), expected.models)
    assert_stored(connection, expected)
    per_version = "SELECT max(n) FROM (SELECT count(*) AS n FROM model_evaluations GROUP BY model_version) AS v"
    assert connection.execute(per_version).fetchone() == (9,)


def test_another_learner_goes_on_counting_with_windows_that_fill_anew(connection: psycopg.Connection[Any]) -> None:
    expected = reference(SETTINGS, connection)
    messages = messages_of(expected)
    reset(connection)
    take(PartitionAudit(SETTINGS, 0, connection), messages.part(0, 6000), expected.models)
    changed = PartitionAudit(SETTINGS.model_copy(update={"learner": "logistic"}), 0, connection)
    assert "learner zscore, not logistic" in changed.learnt_anew
    take(changed, messages.since(6000), expected.models)
    query = "SELECT sum(true_positives + false_positives + true_negatives + false_negatives) FROM evaluation_counts"
    (total,) = connection.execute(query).fetchone() or (0,)
    assert total == sum(sum(counts) for _, _, *counts in expected.counts)
