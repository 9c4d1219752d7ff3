"""The shard agrees with a slow one in plain Python."""

from typing import Any

import numpy as np
import pytest

from flead.settings import Settings
from flead.shard.shard import rules_of
from tests.shard import reference
from tests.shard.streams import Stream, observe_all, stream

STREAMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one device": ({"devices": 1}, {}),
    "some devices": ({"devices": 7, "gap": 0.3}, {}),
    "rare readings": ({"devices": 5, "gap": 40.0}, {}),
    "a burst": ({"devices": 4, "gap": 0.0}, {}),
    "late readings": ({"devices": 9, "gap": 1.5, "late": 0.2}, {}),
    "hours pass": ({"devices": 30, "gap": 2.0, "jump": 0.01}, {}),
    "late after hours": ({"devices": 6, "gap": 5.0, "jump": 0.02, "late": 0.3}, {}),
    "before the epoch": ({"devices": 5, "gap": 1.5, "start": -1_000_000_123}, {}),
    "more than a block": ({"devices": 200, "gap": 0.2, "late": 0.05}, {}),
    "several channels": ({"devices": 4, "channels": 4, "adoptions": 2}, {}),
    "ground truth": ({"adoptions": 3}, {"supervised": True}),
    "raw features": ({"level": 3.0, "adoptions": 2}, {"features": "raw"}),
    "mixed": ({"gap": 3.0, "adoptions": 5}, {"mix": 0.3}),
    "global models ignored": ({"adoptions": 5}, {"mix": 0.0}),
    "held to where it began": ({"adoptions": 3}, {"strategy": "fedprox", "proximal": 3.0, "learning_rate": 0.1}),
    "by the model": ({"channels": 2, "adoptions": 4}, {"learner": "logistic"}),
    "large values": ({"level": 1e9, "adoptions": 1}, {}),
    "small values": ({"level": 1e-4}, {}),
    "a short window": ({"gap": 2.0}, {"window": 4, "min_readings": 2, "train_readings": 3, "train_seconds": 7}),
    "every reading trains": ({}, {"train_readings": 1, "learning_rate": 0.5}),
    "every second trains": ({"devices": 6, "gap": 0.15, "late": 0.01}, {"train_seconds": 1}),
    "critical only": ({"gap": 0.5}, {"threshold": 5.0, "train_seconds": 300}),
}


def close(ours: Any, theirs: Any, *, per: Any = 1.0) -> None:
    """Equal to 1e-9 of themselves, or of ``per`` where they are smaller than that."""
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    scale = np.maximum(np.abs(theirs), per)
    np.testing.assert_array_less(np.nan_to_num(np.abs(ours - theirs)), 1e-9 * np.nan_to_num(scale, nan=1.0))
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))


def told(whole: Stream, settings: Settings) -> tuple[list[reference.Judged], list[reference.Ended]]:
    shard = reference.Shard(rules_of(settings), settings.train_readings, settings.train_seconds)
    judged, ended = [], []
    for i, row in enumerate(whole.batch.rows.tolist()):
        if i in whole.adoptions:
            model = whole.adoptions[i]
            shard.adopt(model.parameters["weights"] + model.parameters["bias"], model.version)
        time, values, label = whole.batch.times[i].item(), whole.batch.values[i].tolist(), whole.batch.labels[i].item()
        one, trainings = shard.observe(row, time, values, label)
        judged.append(one)
        ended += trainings
    assert not shard.doubts, "a decision of this stream hangs on rounding: take another seed"
    return judged, ended


@pytest.mark.parametrize("name", STREAMS)
def test_a_shard_agrees_with_plain_python(name: str) -> None:
    shape, options = STREAMS[name]
    whole, settings = stream(seed=7, count=1000, **shape), Settings(**options)
    judged, ended = told(whole, settings)
    ours = observe_all(settings, whole, cuts=range(0, 1000, 91))

    channel, z, mean, std, probability = map(np.array, zip(*judged, strict=True))
    alarms = probability > 0.5 if settings.learner == "logistic" else np.abs(z) > settings.threshold
    assert ours["anomalous"].tolist() == alarms.tolist()
    assert ours["channel"].tolist() == channel.tolist()
    close(ours["z"], z)
    close(ours["mean"], mean, per=1e-6)
    close(ours["std"], std, per=1e-6)
    close(ours["score"], probability if settings.learner == "logistic" else np.abs(z))

    rows, versions, samples, times, accuracy, loss, models, origins = zip(*ended, strict=True)
    assert ours["rows"].tolist() == list(rows)
    assert ours["model_versions"].tolist() == list(versions)
    assert ours["samples"].tolist() == list(samples)
    assert ours["times"].tolist() == list(times)
    assert ours["global_versions"].tolist() == list(origins)
    close(ours["accuracy"], accuracy)
    close(ours["loss"], loss)
    close(ours["parameters"], models)

    # The stream had something to say.
    assert alarms.any()
    assert not alarms.all()
    assert len(ended) > 10
