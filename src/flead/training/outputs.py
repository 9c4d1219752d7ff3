"""A shard's outcome as the records that travel."""

from flead.records import Anomaly, LocalUpdate, to_texts
from flead.training.fleet import Outcome, Shard


def anomalies(shard: Shard, outcome: Outcome) -> list[Anomaly]:
    """The flagged readings, in their order. Their numbers are finite: see ``Shard.observe``."""
    at, judgement, learner = outcome.anomalies, outcome.judgement, shard.learner
    rows, channels = outcome.batch.rows[at], judgement.channel[at]
    columns = zip(
        rows.tolist(),
        channels.tolist(),
        outcome.batch.values[at, channels].tolist(),
        judgement.z[at].tolist(),
        (judgement.score[at] > learner.critical).tolist(),
        to_texts(outcome.batch.times[at]),
        judgement.mean[at, channels].tolist(),
        judgement.std[at, channels].tolist(),
        shard.brokers[rows].tolist(),
        strict=True,
    )
    devices, name, threshold = shard.devices, learner.name, learner.threshold
    return [
        Anomaly(
            devices.id(row), broker, devices.channels(row)[channel], value, z, "critical" if critical else "warning",
            name, time, mean, std, threshold,
        )
        for row, channel, value, z, critical, time, mean, std, broker in columns
    ]  # fmt: skip


def local_updates(shard: Shard, outcome: Outcome) -> list[LocalUpdate]:
    """The trainings that ended, in their order."""
    trained, updates = outcome.trained, outcome.trained.updates
    # One slice of a flat list a parameter: an array a parameter would cost most of the time.
    bounds, start = [], 0
    for name, shape in shard.learner.layout.items():
        stop = start
        for length in shape:
            stop = start + length
        bounds.append((name, start, stop))
        start = stop
    columns = zip(
        trained.rows.tolist(),
        trained.model_versions.tolist(),
        updates.global_versions.tolist(),
        updates.accuracy.tolist(),
        updates.loss.tolist(),
        trained.samples.tolist(),
        updates.parameters.tolist(),
        to_texts(trained.times),
        strict=True,
    )
    device = shard.devices.id
    return [
        LocalUpdate(
            device(row), version, origin, accuracy, loss, samples,
            {name: flat[start:stop] for name, start, stop in bounds}, time,
        )
        for row, version, origin, accuracy, loss, samples, flat, time in columns
    ]  # fmt: skip
