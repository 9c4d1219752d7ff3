"""A shard's outcome as the records that travel."""

from collections.abc import Sequence
from math import prod

from flead.learning.learner import Layout
from flead.records import Anomaly, LocalUpdate, to_texts
from flead.shard.shard import Outcome, Shard


def anomalies(shard: Shard, outcome: Outcome) -> list[Anomaly]:
    """The flagged readings, in their order. Their numbers are finite: see ``Shard.observe``."""
    at, judgement, learner, devices = outcome.anomalies, outcome.judgement, shard.learner, shard.devices
    rows, channels = outcome.batch.rows[at], judgement.channel[at]
    columns = zip(
        devices.texts(rows),
        shard.brokers[rows].tolist(),
        devices.kind[rows].tolist(),
        channels.tolist(),
        outcome.batch.values[at, channels].tolist(),
        judgement.z[at].tolist(),
        outcome.critical.tolist(),
        to_texts(outcome.batch.times[at]),
        judgement.mean[at, channels].tolist(),
        judgement.std[at, channels].tolist(),
        outcome.thresholds.tolist(),
        contributions(shard, outcome),
        strict=True,
    )
    kinds, name = devices.kinds, learner.name
    return [
        Anomaly(
            device, broker, kinds[kind][channel], value, z, "critical" if critical else "warning",
            name, time, mean, std, threshold, shares,
        )
        for device, broker, kind, channel, value, z, critical, time, mean, std, threshold, shares in columns
    ]  # fmt: skip


def contributions(shard: Shard, outcome: Outcome) -> Sequence[dict[str, float] | None]:
    """The channels' shares in the flagged readings' scores, by name; None from a learner that judges by one channel."""
    at, shares = outcome.anomalies, outcome.judgement.contributions
    if shares is None:
        return [None] * len(at)
    return shard.devices.by_channel(outcome.batch.rows[at], shares[at])


def local_updates(shard: Shard, outcome: Outcome) -> list[LocalUpdate]:
    """The trainings that ended, in their order."""
    trained, updates = outcome.trained, outcome.trained.updates
    # Slices of a flat list: an array a parameter would cost most of the time.
    bounds = [_bounds(layout) for layout in shard.learner.layouts]
    columns = zip(
        shard.devices.texts(trained.rows),
        trained.model_versions.tolist(),
        updates.global_versions.tolist(),
        updates.accuracy.tolist(),
        updates.loss.tolist(),
        trained.samples.tolist(),
        updates.parameters.tolist(),
        updates.layouts.tolist(),
        to_texts(trained.times),
        strict=True,
    )
    return [
        LocalUpdate(
            device, version, origin, accuracy, loss, samples,
            {name: flat[start:stop] for name, start, stop in bounds[layout]}, time,
        )
        for device, version, origin, accuracy, loss, samples, flat, layout, time in columns
    ]  # fmt: skip


def _bounds(layout: Layout) -> list[tuple[str, int, int]]:
    """Where each parameter begins and ends in a flat model."""
    bounds, start = [], 0
    for name, shape in layout.items():
        stop = start + prod(shape)
        bounds.append((name, start, stop))
        start = stop
    return bounds
