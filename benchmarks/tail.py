"""What ``tail`` finds and how often it cries wolf, by kind of signal: ``python -m benchmarks.tail``.

Every signal is played once as it is, which tells the false alarms, and once for every event planted in it alone. The
first ``LEARNING`` of a signal are nobody's to judge. Beside it ``zscore``, whose flagged readings are one alarm where
they are less than a dozen apart, and as many alarms as are asked for, by lot.
"""

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.signals import EVENTS, FAMILIES, Family, Values, plant
from flead.learning.learner import Trainings
from flead.learning.registry import LEARNERS
from flead.learning.rules import Rules
from flead.shard.pace import SPARSE

LEARNING = 0.15
APART = 12
"""Flagged readings of ``zscore`` that are one alarm."""
AFTER = 10
"""Readings after an event in which it may still be told of."""
DETECTORS = ("tail", "zscore", "random")


class Tally(NamedTuple):
    """What a detector said of some signals."""

    found: list[bool]
    delays: list[int]
    false: list[float]
    """False alarms a day, by signal."""
    by_event: dict[str, list[bool]]


def alarms(detector: str, values: Values, every: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """Where the alarms of a detector begin."""
    if detector == "random":
        return np.flatnonzero(rng.random(len(values)) < 1 / every)
    none, rows = np.zeros(0, np.int64), np.zeros(0, np.int32)
    learner = LEARNERS[detector](Rules(alarm_every=every))
    learner.meet([("signal",)], np.zeros(1, np.int16))
    learner.grow(1, 1)
    judgement, _ = learner.observe(
        np.zeros(len(values), np.int32), values[:, None].copy(), np.full(len(values), -1, np.int8),
        Trainings(none, rows, rows, none),
    )  # fmt: skip
    flagged = np.flatnonzero(judgement.anomalous)
    return flagged if detector == "tail" else flagged[np.diff(flagged, prepend=-APART) >= APART]


def play(family: Family, detector: str, seed: list[int], a_day: float, tally: Tally) -> None:
    """One signal of a family, and every event in it."""
    count, every = family.a_day * family.days, max(family.a_day / a_day, SPARSE)
    values = family.raw(np.random.default_rng(seed), np.arange(count), family.a_day)[:count]
    rng = np.random.default_rng([*seed, 1])
    first = int(LEARNING * count)
    raised = alarms(detector, family.sensor(values), every, rng)
    tally.false.append(int((raised >= first).sum()) / (count - first) * family.a_day)
    for event in family.events:
        start = int(rng.integers(count // 2, int(0.8 * count)))
        changed, stop = plant(event, values, start, family.a_day, np.random.default_rng([*seed, 2]))
        raised = alarms(detector, family.sensor(changed), every, np.random.default_rng([*seed, 3]))
        hits = raised[(raised >= start) & (raised < stop + AFTER)] - start
        tally.found.append(len(hits) > 0)
        tally.by_event.setdefault(event, []).append(len(hits) > 0)
        tally.delays.extend(hits[:1].tolist())


def line(name: str, tallies: list[Tally]) -> str:
    """Events found, median delay in readings and false alarms a day, by detector."""
    parts = [
        f"{sum(tally.found):4d} {np.median(tally.delays) if tally.delays else np.nan:5.0f} {np.mean(tally.false):7.2f}"
        for tally in tallies
    ]
    return f"{name:21s} {len(tallies[0].found):4d} |" + " |".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tail", description=__doc__)
    parser.add_argument("--signals", type=int, default=5, help="of every family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alarms-per-day", type=float, default=1.0)
    parser.add_argument("--detector", action="append", choices=DETECTORS, help="may be repeated; default: all")
    options = parser.parse_args()
    detectors = options.detector or list(DETECTORS)
    print(f"{'':26s} |" + " |".join(f"{detector:>18s}" for detector in detectors))
    print(f"{'':19s} events |" + " |".join("found delay false/d" for _ in detectors))
    totals = [Tally([], [], [], {}) for _ in detectors]
    for number, (name, family) in enumerate(FAMILIES.items()):
        tallies = [Tally([], [], [], {}) for _ in detectors]
        for detector, tally, total in zip(detectors, tallies, totals, strict=True):
            for n in range(options.signals):
                play(family, detector, [options.seed, number, n], options.alarms_per_day, tally)
            for mine, all_of_them in zip(tally[:3], total[:3], strict=True):
                all_of_them.extend(mine)  # type: ignore[arg-type]
            for event, found in tally.by_event.items():
                total.by_event.setdefault(event, []).extend(found)
        print(line(name, tallies))
    print(line("all", totals))
    for event, word in EVENTS.items():
        count = len(totals[0].by_event[event])
        print(f"{word:26s} |" + " |".join(f"{sum(t.by_event[event]):8d} of {count:4d}   " for t in totals))


if __name__ == "__main__":
    main()
