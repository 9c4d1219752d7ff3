"""A table of learners on labelled recordings: `flead evaluate`.

Every learner stands beside what needs no learning: chance, an alarm that never ends, and, as a warning, a rule that
knows nothing but the number of the row. A learner that such a rule beats has shown nothing; one that sees it cheats.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from flead.evaluation.backtest import MakeShard, Sent, Series, as_it_is, backtest
from flead.evaluation.figures import Verdicts, counts, events, interval, mean_auc, rule
from flead.learning.strategies import Strategy
from flead.settings import ModelSettings

COLD_STARTS = (30, 50, 100, 200, 400)
"""Training rows of the device that joins."""
CHOICES: dict[str, tuple[str, tuple[float, ...]]] = {
    "zscore": ("threshold", (2.0, 2.5, 3.0, 4.0, 5.0)),
    "drift": ("alarm_quantile", (0.8, 0.85, 0.9, 0.95, 0.98)),
    "tail": ("alarms_per_day", (1.0, 10.0, 100.0, 1000.0)),
}
"""The setting of a learner that moves its alarms, and what is tried."""

Run = Callable[[ModelSettings, bool, int], list[Verdicts]]
"""Learner's settings, with peers or without, training rows -> what was said of the test rows."""


class Row(NamedTuple):
    """One line of the table."""

    name: str
    federated: bool | None
    """None of a rule, which has no peers."""
    figures: dict[str, Any]


class Bench:
    """Recordings, and how learners are run on them.

    ``strategy_for`` is the strategy that merges what a learner shares. The first ``training`` rows of each recording
    train, without labels; all figures are of the labelled rows after them, those of a shorter training too.
    """

    def __init__(
        self,
        series: Sequence[Series],
        new_shard: MakeShard,
        strategy_for: Callable[[ModelSettings], Strategy],
        training: int,
        step: Callable[[], None] = lambda: None,
    ) -> None:
        self.series = series
        self.training = training
        self._new_shard = new_shard
        self._strategy_for = strategy_for
        self._step = step

    def run(
        self, settings: ModelSettings, federated: bool, training: int | None = None, *,
        only: Sequence[int] | None = None, sent: Sent = as_it_is,
    ) -> list[Verdicts]:  # fmt: skip
        """What a learner says of the test rows of every recording, or ``only`` of those with these numbers."""
        rows = self.training if training is None else training
        strategy = self._strategy_for(settings) if federated else None
        series = self.series if only is None else [self.series[number] for number in only]
        scores = backtest(series, settings, self._new_shard, strategy, rows, sent=sent)
        self._step()
        tested = []
        for each, said in zip(series, scores, strict=True):
            kept = (np.arange(len(each.times)) >= self.training) & (each.labels >= 0)
            tested.append(Verdicts(each.times[kept], each.labels[kept], said.score[kept], said.anomalous[kept]))
        return tested

    def rows(self, learners: Sequence[ModelSettings], federations: Sequence[bool]) -> list[Row]:
        """The learners as they are set."""
        return [
            Row(settings.learner, federated, _figures(self.run(settings, federated)))
            for settings in learners
            for federated in federations
        ]

    def rules(self, groups: Sequence[str]) -> list[Row]:
        """What needs no learning; ``groups`` names the group of every recording."""
        blank = [
            Verdicts(each.times[kept], each.labels[kept], np.zeros(kept.sum()), np.zeros(kept.sum(), np.bool_))
            for each in self.series
            for kept in [(np.arange(len(each.times)) >= self.training) & (each.labels >= 0)]
        ]
        rng = np.random.default_rng(0)
        return [
            Row("an alarm at every second reading, by chance", None,
                _figures(rule(blank, lambda each: rng.random(len(each.labels)) < 0.5))),
            Row("always an alarm", None, _figures(rule(blank, lambda each: np.ones(len(each.labels), np.bool_)))),
            Row("the number of the row alone (a warning)", None, _figures(_by_row(blank, groups))),
        ]  # fmt: skip

    def cold_start(self, learners: Sequence[ModelSettings], federations: Sequence[bool]) -> list[Row]:
        """The learners after few training rows."""
        found = []
        for settings in learners:
            for federated in federations:
                for training in COLD_STARTS:
                    tested = self.run(settings, federated, training)
                    figures = {"training_rows": training, "auc": mean_auc(tested), **_pointwise(tested)}
                    found.append(Row(settings.learner, federated, figures))
        return found

    def held_out(
        self, learners: Sequence[ModelSettings], federations: Sequence[bool], groups: Sequence[str]
    ) -> list[Row]:
        """Every learner's setting chosen by F1 on the other groups of faults, for each group in its turn."""
        found = []
        for settings in learners:
            name, values = CHOICES.get(settings.learner, ("", ()))
            for federated in federations if values else ():
                tried = {value: self.run(settings.model_copy(update={name: value}), federated) for value in values}
                chosen, tested = {}, []
                for group in dict.fromkeys(groups):
                    inside = np.array([other == group for other in groups])
                    best = max(values, key=lambda value: counts(_where(tried[value], ~inside)).f1)
                    chosen[group] = best
                    tested += _where(tried[best], inside)
                found.append(
                    Row(settings.learner, federated, {"setting": name, "chosen": chosen, **_pointwise(tested)})
                )
        return found

    def poisoned(self, settings: ModelSettings, attacks: Mapping[str, Sent], devices: int, hostile: int) -> list[Row]:
        """Some recordings, drawn by lot, of which the first few attack: what the others' alarms are still worth."""
        drawn = np.random.default_rng(0).permutation(len(self.series))[:devices].tolist()
        return [
            Row(settings.learner, True, {
                "attack": attack, **_pointwise(self.run(settings, True, only=drawn, sent=sent)[hostile:]),
            })
            for attack, sent in attacks.items()
        ]  # fmt: skip

    def private(self, settings: ModelSettings, told: Mapping[float, Sent]) -> list[Row]:
        """With so much noise on every update."""
        return [
            Row(settings.learner, True, {"noise": noise, **_pointwise(self.run(settings, True, sent=sent))})
            for noise, sent in told.items()
        ]

    def anomaly_free(
        self, free: Series, learners: Sequence[ModelSettings], federations: Sequence[bool], training: int
    ) -> list[Row]:
        """A long recording without a fault, with the others as its peers."""
        found = []
        for settings in learners:
            for federated in federations:
                strategy = self._strategy_for(settings) if federated else None
                alone = [free] if strategy is None else [free, *self.series]
                said = backtest(alone, settings, self._new_shard, strategy, training, self.training)[0]
                self._step()
                test = slice(training, None)
                normal = np.zeros(len(free.times[test]), np.int8)
                tested = [Verdicts(free.times[test], normal, said.score[test], said.anomalous[test])]
                seen = events(tested)
                figures = {
                    "training_rows": training, "readings": len(normal), "far": counts(tested).false_alarm_rate,
                    "false_alarms": seen.false_alarms, "false_alarms_per_day": seen.false_alarms_per_day,
                }  # fmt: skip
                found.append(Row(settings.learner, federated, figures))
        return found


def _figures(tested: Sequence[Verdicts]) -> dict[str, Any]:
    seen = events(tested)
    low, high = interval(tested)
    return {
        **_pointwise(tested), "f1_low": low, "f1_high": high, "auc": mean_auc(tested), "faults": seen.faults,
        "found": seen.found, "delay": seen.delay, "false_alarms_per_day": seen.false_alarms_per_day,
    }  # fmt: skip


def _pointwise(tested: Sequence[Verdicts]) -> dict[str, float]:
    total = counts(tested)
    return {"f1": total.f1, "far": total.false_alarm_rate, "mar": total.missed_alarm_rate}


def _where(tested: Sequence[Verdicts], kept: Sequence[bool] | np.ndarray[Any, Any]) -> list[Verdicts]:
    return [each for each, keep in zip(tested, kept, strict=True) if keep]


def _by_row(tested: Sequence[Verdicts], groups: Sequence[str]) -> list[Verdicts]:
    """Flagged where in the other groups' recordings most rows of this number are anomalous."""
    longest = max(len(each.labels) for each in tested)
    shown = np.full((len(tested), longest), np.nan)
    for row, each in zip(shown, tested, strict=True):
        row[: len(each.labels)] = each.labels
    found = []
    for number, each in enumerate(tested):
        others = shown[[group != groups[number] for group in groups]] if len(set(groups)) > 1 else shown
        share = np.nansum(others, axis=0) / np.maximum((~np.isnan(others)).sum(axis=0), 1)
        flags = share[: len(each.labels)] > 0.5
        found.append(each._replace(anomalous=flags, score=flags.astype(np.float64)))
    return found
