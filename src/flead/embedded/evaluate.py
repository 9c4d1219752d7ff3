"""`flead evaluate`: recordings whose truth is known, and every learner on them, alone and with its peers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flead.errors import FleadError
from flead.evaluation.backtest import Series, series_of
from flead.evaluation.benchmark import CHOICES, COLD_STARTS, Bench, Row
from flead.federation.rounds import rounds_of
from flead.ingest.skab import anomaly_free
from flead.ingest.sources import make_source
from flead.learning.registry import LEARNERS
from flead.settings import Settings
from flead.training.fleet import Shard

LONG_TRAINING = 2000
"""Training rows of the long run without anomalies, beside as many as in the table."""


def evaluate(
    settings: Settings, learners: Sequence[str] | None, *, local: bool, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """All tables for ``settings.data``, a ``skab:`` or ``csv:`` folder; what ``flead evaluate --json`` prints.

    FleadError for a learner that there is not, another kind of source, or recordings without labelled test rows.
    """
    scheme, _, path = settings.data.partition(":")
    if scheme not in ("skab", "csv"):
        raise FleadError(f"no data set {scheme!r} to evaluate on: there are skab and csv")
    names = list(LEARNERS) if learners is None else list(dict.fromkeys(learners))
    chosen = [settings.model_copy(update={"learner": name}) for name in names]
    for each in chosen:
        rounds_of(each)  # an unknown learner is named before anything is read
    series = series_of(make_source(settings))
    training = settings.training_rows
    if not any((each.labels[training:] >= 0).any() for each in series):
        raise FleadError(f"{settings.data}: no row after the first {training} of its recordings has a label")
    free = _free(settings.data, Path(path)) if scheme == "skab" else None
    federations = [False] if local or len(series) < 2 else [False, True]
    groups = (
        [each.device.rpartition("_")[0] for each in series] if scheme == "skab" else [each.device for each in series]
    )

    done, total = 0, _runs(names, len(federations), scheme == "skab", free is not None)

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    bench = Bench(series, Shard, lambda one: rounds_of(one).strategy, training, step)
    result: dict[str, Any] = {
        "data": scheme, "recordings": len(series), "training_rows": training,
        "learners": _lines(bench.rows(chosen, federations)), "rules": _lines(bench.rules(groups)),
        "cold_start": _lines(bench.cold_start(chosen, federations)),
    }  # fmt: skip
    if scheme == "skab":
        result["held_out"] = _lines(bench.held_out(chosen, federations, groups))
    if free is not None:
        result["anomaly_free"] = [
            line
            for rows in (training, LONG_TRAINING)
            for line in _lines(bench.anomaly_free(free, chosen, federations, rows))
        ]
    return result


def _free(data: str, folder: Path) -> Series | None:
    source = anomaly_free(data, folder)
    return None if source is None else series_of(source)[0]


def _runs(names: Sequence[str], federations: int, grouped: bool, free: bool) -> int:
    tried = sum(len(CHOICES[name][1]) for name in names if name in CHOICES) if grouped else 0
    return federations * (len(names) * (1 + len(COLD_STARTS) + 2 * free) + tried)


def _lines(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [{"learner": row.name, "federated": row.federated, **row.figures} for row in rows]
