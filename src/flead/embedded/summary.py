"""The result of a run: one JSON object, or a few lines of text."""

from typing import Any

from flead.embedded.pipeline import Tally
from flead.learning.metrics import Confusion


def as_dict(tally: Tally) -> dict[str, Any]:
    """The summary that ``flead run --json`` prints. Figures that were not measured are null."""
    return {
        "readings": tally.readings,
        "rejected": tally.rejected,
        "anomalies": tally.anomalies,
        "local_updates": tally.local_updates,
        "global_models": tally.global_models,
        **_measures(tally.models),
        "evaluated": tally.models.total,
        "alarms": {**_measures(tally.alarms), "labelled": tally.alarms.total},
        "seconds": round(tally.seconds, 3),
        "readings_per_second": round(tally.readings / tally.seconds) if tally.seconds else 0,
    }


def as_text(tally: Tally) -> str:
    """The summary in words; an accuracy is always given with that of the majority class."""
    rate = tally.readings / tally.seconds if tally.seconds else 0
    lines = [
        f"{tally.readings:,} readings in {tally.seconds:.1f} s ({rate:,.0f} a second), {tally.rejected:,} rejected",
        f"{tally.anomalies:,} anomalies, {tally.local_updates:,} local updates, {tally.global_models:,} global models",
        _in_words("Global models", tally.models),
        _in_words("Alarms", tally.alarms),
    ]
    return "\n".join(line for line in lines if line)


def progress_line(tally: Tally) -> str:
    """One line while a run goes on."""
    rate = tally.readings / tally.seconds if tally.seconds else 0
    return (
        f"{tally.readings:,} readings ({rate:,.0f}/s) · {tally.anomalies:,} anomalies · "
        f"{tally.local_updates:,} local updates · {tally.global_models:,} global models · {tally.rejected:,} rejected"
    )


def _measures(counts: Confusion) -> dict[str, float | None]:
    measures = {
        "accuracy": counts.accuracy,
        "majority_accuracy": counts.majority_accuracy,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "false_alarm_rate": counts.false_alarm_rate,
        "missed_alarm_rate": counts.missed_alarm_rate,
    }
    return {name: round(value, 6) if counts.total else None for name, value in measures.items()}


def _in_words(what: str, counts: Confusion) -> str:
    if not counts.total:
        return ""
    return (
        f"{what} on {counts.total:,} labelled readings: accuracy {counts.accuracy:.1%} (majority class "
        f"{counts.majority_accuracy:.1%}), F1 {counts.f1:.3f}, false alarms {counts.false_alarm_rate:.2%}, "
        f"missed {counts.missed_alarm_rate:.1%}"
    )
