"""``flead.score``: a backtest of a frame, as ``flead score`` makes it of a source."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from flead.api.frames import Frame, Readings, Roles, TimeUnit
from flead.api.options import settings_of
from flead.api.stream import Scored, Stream
from flead.evaluation.backtest import Series, backtest
from flead.federation.rounds import rounds_of
from flead.learning.registry import LEARNERS
from flead.settings import Settings
from flead.shard.shard import Shard


def score(
    frame: Any,
    learner: str | None = None,
    *,
    device: str | None = None,
    time: str | None = None,
    label: str | None = None,
    channels: Sequence[str] | None = None,
    time_unit: TimeUnit | None = None,
    local: bool = False,
    **settings: Any,
) -> Any:
    """Judge every row of a frame by what its device said before, and return the frame with ``score`` and ``anomaly``.

    The scores are those that ``flead score`` gives to the same readings. Rows are taken in order of time, whatever
    their order in the frame, and those of the same time as they stand there; the result has the frame's own order. All
    parameters are :class:`flead.Detector`'s. ``local``: no device hears of the others. Otherwise they learn from each
    other as in ``flead run``; with a learner that shares statistics (``drift``), every device has heard of what the
    others came to on their first ``training_rows`` readings, whenever these were made.

    Examples
    --------
    >>> import flead
    >>> scored = flead.score(flead.simulate(devices=10, seconds=300), learner="zscore")
    >>> scored.shape, int(scored["anomaly"].sum())
    ((3000, 20), 97)
    """
    given = {**settings, "learner": learner} if learner is not None else settings
    chosen = settings_of(given)
    opened = Frame(frame, Roles(device, time, label, None if channels is None else tuple(channels), time_unit))
    readings = opened.readings()
    rounds_of(chosen)  # a learner or strategy that there is not is said at once
    if LEARNERS[chosen.learner].statistics and not local:
        said = _score_recordings(readings, chosen)
    else:
        said = _score_stream(readings, chosen, local=local)
    return opened.with_scores(said.score, said.anomalous)


def _score_stream(readings: Readings, settings: Settings, *, local: bool) -> Scored:
    stream = Stream(settings, local=local, ordered=False)
    # Names are known before the first reading, as of files: the order of devices is the frame's, and not of time.
    stream.intake.enter(readings.take(~np.isnan(readings.values).all(axis=1)))
    if readings.times is None or (np.diff(readings.times) >= 0).all():
        return stream.learn(readings)
    order = np.argsort(readings.times, kind="stable")
    said = stream.learn(readings.take(order))
    whole = Scored(np.empty_like(said.score), np.empty_like(said.anomalous))
    whole.score[order], whole.anomalous[order] = said.score, said.anomalous
    return whole


def _score_recordings(readings: Readings, settings: Settings) -> Scored:
    """Every device with what its peers have come to on their first rows."""
    given = np.flatnonzero(~np.isnan(readings.values).all(axis=1))
    count = len(readings.devices)
    # Without times a device's readings count as one a second.
    times = np.zeros(count, np.int64) if readings.times is None else readings.times
    order = given[np.lexsort((times[given], readings.devices[given]))]
    bounds = np.searchsorted(readings.devices[order], np.arange(len(readings.names) + 1))
    parts, series = [], []
    for name, (start, stop) in zip(readings.names, pairwise(bounds), strict=True):
        part = order[start:stop]
        if not len(part):
            continue
        values = readings.values[part]
        known = ~np.isnan(values).all(axis=0)
        named = tuple(name for name, some in zip(readings.channels, known, strict=True) if some)
        moments = times[part] if readings.times is not None else 1000 * np.arange(len(part))
        parts.append(part)
        series.append(Series(name, named, moments, values[:, known], readings.labels[part]))
    said = Scored(np.full(count, np.nan), np.zeros(count, np.bool_))
    strategy = rounds_of(settings).strategy
    for part, one in zip(parts, backtest(series, settings, Shard, strategy, settings.training_rows), strict=True):
        said.score[part], said.anomalous[part] = one.score, one.anomalous
    return said
