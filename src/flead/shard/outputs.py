"""A shard's outcome as the records that travel, one by one and in columns."""

from collections.abc import Mapping, Sequence
from math import prod

from flead.records import Anomaly, Flagged, LocalModels, LocalUpdate, to_texts
from flead.shard.shard import Outcome, Shard


def flagged(shard: Shard, outcome: Outcome) -> Flagged:
    """The flagged readings, in their order. Their numbers are finite: see ``Shard.observe``."""
    at, judgement, batch = outcome.anomalies, outcome.judgement, outcome.batch
    channels = judgement.channel[at]
    return Flagged(
        detector=shard.learner.name,
        rows=batch.rows[at],
        channels=channels,
        values=batch.values[at, channels],
        scores=judgement.z[at],
        critical=outcome.critical,
        times=batch.times[at],
        means=judgement.mean[at, channels],
        stds=judgement.std[at, channels],
        thresholds=outcome.thresholds,
        contributions=contributions(shard, outcome),
    )


def anomalies(shard: Shard, outcome: Outcome) -> list[Anomaly]:
    """The same one by one."""
    found, devices = flagged(shard, outcome), shard.devices
    kinds = devices.kinds
    columns = zip(
        devices.texts(found.rows),
        shard.brokers[found.rows].tolist(),
        devices.kind[found.rows].tolist(),
        found.channels.tolist(),
        found.values.tolist(),
        found.scores.tolist(),
        found.critical.tolist(),
        to_texts(found.times),
        found.means.tolist(),
        found.stds.tolist(),
        found.thresholds.tolist(),
        found.contributions,
        strict=True,
    )
    return [
        Anomaly(
            device_id=device,
            broker_id=broker,
            channel=kinds[kind][channel],
            value=value,
            z_score=score,
            severity="critical" if critical else "warning",
            detector=found.detector,
            timestamp=time,
            mean=mean,
            std=std,
            threshold=threshold,
            contributions=shares,
        )
        for device, broker, kind, channel, value, score, critical, time, mean, std, threshold, shares in columns
    ]


def contributions(shard: Shard, outcome: Outcome) -> Sequence[dict[str, float] | None]:
    """The channels' shares in the flagged readings' scores, by name; None from a learner that judges by one channel."""
    at, shares = outcome.anomalies, outcome.judgement.contributions
    if shares is None:
        return [None] * len(at)
    return shard.devices.by_channel(outcome.batch.rows[at], shares[at])


def local_models(shard: Shard, outcome: Outcome) -> LocalModels:
    """The trainings that ended, in their order."""
    trained, updates = outcome.trained, outcome.trained.updates
    return LocalModels(
        rows=trained.rows,
        versions=trained.model_versions,
        global_versions=updates.global_versions,
        accuracies=updates.accuracy,
        losses=updates.loss,
        samples=trained.samples,
        parameters=updates.parameters,
        layouts=shard.learner.layouts,
        layout=updates.layouts,
        times=trained.times,
    )


def local_updates(shard: Shard, outcome: Outcome) -> list[LocalUpdate]:
    """The same one by one."""
    models = local_models(shard, outcome)
    # Slices of a flat list: an array a parameter would cost most of the time.
    bounds = [_bounds(layout) for layout in models.layouts]
    columns = zip(
        shard.devices.texts(models.rows),
        models.versions.tolist(),
        models.global_versions.tolist(),
        models.accuracies.tolist(),
        models.losses.tolist(),
        models.samples.tolist(),
        models.parameters.tolist(),
        models.layout.tolist(),
        to_texts(models.times),
        strict=True,
    )
    return [
        LocalUpdate(
            device_id=device,
            model_version=version,
            global_version=origin,
            accuracy=accuracy,
            loss=loss,
            samples_processed=samples,
            parameters={name: flat[start:stop] for name, start, stop in bounds[layout]},
            timestamp=time,
        )
        for device, version, origin, accuracy, loss, samples, flat, layout, time in columns
    ]


def _bounds(layout: Mapping[str, tuple[int, ...]]) -> list[tuple[str, int, int]]:
    """Where each parameter begins and ends in a flat model."""
    bounds, start = [], 0
    for name, shape in layout.items():
        stop = start + prod(shape)
        bounds.append((name, start, stop))
        start = stop
    return bounds
