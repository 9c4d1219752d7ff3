"""The stream evaluation on real Spark: exact counts, whatever is killed."""

from pathlib import Path
from typing import Any

import pytest

from flead.settings import Settings
from tests.platform.spark.conftest import kill, let_senders_say_when, rows, running, send
from tests.platform.spark.reference import COUNTS, DETECTIONS, PREDICTIONS, reference
from tests.platform_fixtures import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

TESTED = """SELECT coalesce(sum(true_positives + false_positives + true_negatives + false_negatives), 0)
            FROM evaluation_counts"""


def counted(settings: Settings) -> int:
    if rows(settings, "SELECT to_regclass('evaluation_counts')") == [(None,)]:
        return 0
    ((number,),) = rows(settings, TESTED)
    return int(number)


def test_spark_counts_what_the_embedded_pipeline_counts_though_it_is_killed(
    audited: Settings, connection: Any, tmp_path: Path
) -> None:
    import msgspec

    from flead.topics import GLOBAL_MODELS, READINGS

    settings = audited.model_copy(
        update={"devices": 120, "readings": 30_000, "devices_per_broker": 31, "predictions_per_version": 100_000}
    )
    expected = reference(settings, connection)
    assert {broker for _, broker, *_ in expected.counts} == {1, 2, 3, 4}
    let_senders_say_when(settings, READINGS, GLOBAL_MODELS)
    log = tmp_path / "evaluation.log"
    models = [(0, msgspec.json.encode(model), time) for time, model in expected.models]
    total = sum(sum(counts) for _, _, *counts in expected.counts)

    half = len(expected.readings) // 2
    first = expected.readings[0][2]
    send(settings, GLOBAL_MODELS, [(0, b"no model", first), *models])
    send(settings, READINGS, [(0, b"no reading", first), *expected.readings[:half]])
    with running(settings, log, "evaluation") as process:
        # Some partitions are in the store, others are not.
        eventually(lambda: counted(settings) > 0, 300)
        kill(process)
    assert 0 < counted(settings) < total
    with running(settings, log, "evaluation") as process:
        send(settings, READINGS, expected.readings[half:])
        eventually(lambda: counted(settings) >= total, 300)
        kill(process)

    assert rows(settings, COUNTS) == expected.counts
    assert rows(settings, DETECTIONS) == expected.detections
    found = rows(settings, PREDICTIONS)
    assert len(found) == len(expected.predictions) == total
    assert found == expected.predictions
