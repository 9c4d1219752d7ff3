"""`flead evaluate`: every learner on labelled recordings, alone and federated."""

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flead.embedded.tampering import ATTACKS, hostile, private
from flead.errors import FleadError
from flead.evaluation.backtest import EPOCHS, Series, as_it_is, series_of
from flead.evaluation.benchmark import CHOICES, COLD_STARTS, Bench, Row
from flead.federation.rounds import rounds_of
from flead.ingest.skab import anomaly_free
from flead.ingest.sources import make_source
from flead.learning.registry import LEARNERS
from flead.privacy.accountant import DELTA, epsilon_of
from flead.settings import Settings
from flead.shard.shard import Shard

LONG_TRAINING = 2000
"""Training rows of the long run without anomalies, besides those in the table."""
READINGS_PER_DAY = 1440.0
"""SKAB's files last 20 minutes at 1 Hz, too short for an alarm a day: ``tail`` may raise one in 1,440 readings."""
DEVICES, HOSTILE = 20, 4
NOISES = (0.03, 0.1, 0.3, 1.0)
CLIP = 3.0
"""About how far a device's statistics lie from its peers'."""


def evaluate(
    settings: Settings, learners: Sequence[str] | None, *, local: bool, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """All tables for ``settings.data``, a ``skab:`` or ``csv:`` folder; what ``flead evaluate --json`` prints.

    FleadError for an unknown learner, another kind of source, or recordings without labelled test rows.
    """
    scheme, _, path = settings.data.partition(":")
    if scheme not in ("skab", "csv"):
        raise FleadError(f"cannot evaluate on {scheme!r}: use skab or csv")
    names = list(LEARNERS) if learners is None else list(dict.fromkeys(learners))
    if scheme == "skab" and settings.readings_per_day is None:
        settings = settings.model_copy(update={"readings_per_day": READINGS_PER_DAY})
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

    sharing = [each for each in chosen if LEARNERS[each.learner].statistics and len(federations) > 1]
    done, total = 0, _runs(names, len(federations), scheme == "skab", free is not None, len(sharing))

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
    if scheme == "skab" and len(series) >= DEVICES:
        result["poison"] = _lines(row for each in sharing for row in _poisoned(bench, each))
        if find_spec("dp_accounting"):
            result["privacy"] = _private(bench, sharing)
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


def _poisoned(bench: Bench, settings: Settings) -> list[Row]:
    attacks = {"none": as_it_is, **{attack: hostile(attack, HOSTILE) for attack in ATTACKS}}
    return bench.poisoned(settings, attacks, DEVICES, HOSTILE)


def _private(bench: Bench, learners: Sequence[Settings]) -> list[dict[str, Any]]:
    """With epsilon of what a device has sent, which was an update in each of ``EPOCHS`` rounds."""
    told = {0.0: as_it_is, **{noise: private(CLIP, noise) for noise in NOISES}}
    lines = _lines(row for each in learners for row in bench.private(each, told))
    for line in lines:
        noise = line["noise"]
        line["epsilon"] = epsilon_of(EPOCHS * (2.0 / noise) ** 2, DELTA) if noise else None
    return lines


def _runs(names: Sequence[str], federations: int, grouped: bool, free: bool, sharing: int) -> int:
    tried = sum(len(CHOICES[name][1]) for name in names if name in CHOICES) if grouped else 0
    tampered = sharing * (2 + len(ATTACKS) + len(NOISES)) if grouped else 0
    return federations * (len(names) * (1 + len(COLD_STARTS) + 2 * free) + tried) + tampered


def _lines(rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [{"learner": row.name, "federated": row.federated, **row.figures} for row in rows]
