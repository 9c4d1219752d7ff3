"""Why a reading was flagged, in a sentence that needs no knowledge of statistics."""

from flead.dashboard.formats import NONE, figure, measured
from flead.learning.catalogue import LEARNERS
from flead.storage.queries.alarm_rows import AlarmRow
from flead.storage.queries.rows import AnomalyRow

FlaggedRow = AnomalyRow | AlarmRow
"""A flagged reading; of an alarm, its furthest."""

CONSTANT = 1.01e-6
"""A std at its floor, ``1e-6 * max(1, |mean|)``, says that the window did not vary."""

OF_LEVELS = frozenset(name for name, about in LEARNERS.items() if about.judges_levels)
"""Detectors whose z is of a signal's level over some readings, and not of the flagged reading alone."""


def reason(anomaly: FlaggedRow) -> str:
    """What was seen, what was expected, and by how much the one missed the other."""
    if anomaly.detector in OF_LEVELS and anomaly.mean is not None and anomaly.std is not None:
        return _of_level(anomaly, anomaly.mean, anomaly.std)
    if anomaly.value is None:
        return _untold(anomaly)
    constant = anomaly.std is not None and anomaly.std <= CONSTANT * max(1.0, abs(anomaly.mean or 0.0))
    seen = f"{anomaly.channel} was {measured(anomaly.value, None if constant else anomaly.std)}"
    shares = by_channel(anomaly)
    if anomaly.mean is None or anomaly.std is None:
        limit = f", above the threshold of {anomaly.threshold:g}" if anomaly.threshold is not None else ""
        return f"{seen}: {anomaly.detector} scored it {figure(anomaly.z_score)}{limit}.{shares}"
    mean = measured(anomaly.mean, anomaly.std)
    if constant:
        return f"{seen}, though the readings before it did not move from {figure(anomaly.mean, 6)}.{shares}"
    side = "above" if anomaly.value > anomaly.mean else "below"
    wanted = f" where {expected(anomaly)} was expected" if anomaly.threshold is not None else ""
    return f"{seen}{wanted}: {abs(anomaly.z_score):,.2f} standard deviations {side} its recent mean of {mean}.{shares}"


def _untold(anomaly: FlaggedRow) -> str:
    """Of a reading that stayed where it was measured: only its score is known."""
    limit = f", above the threshold of {anomaly.threshold:g}" if anomaly.threshold is not None else ""
    return (
        f"{anomaly.detector} scored {anomaly.channel} {figure(anomaly.z_score)}{limit}; "
        f"the reading was kept where it was made.{by_channel(anomaly)}"
    )


def _of_level(anomaly: FlaggedRow, mean: float, std: float) -> str:
    """Of a detector that judges where a signal stays, and all channels together."""
    shares = anomaly.contributions if isinstance(anomaly, AnomalyRow) else None
    largest = sorted((shares or {}).items(), key=lambda share: -share[1])[:3]
    parts = ", ".join(f"{channel} {share:.0%}" for channel, share in largest)
    level = measured(mean + anomaly.z_score * std, std)
    return (
        f"The level of {anomaly.channel} is {level} where {measured(mean, std)} is usual, "
        f"{abs(anomaly.z_score):,.2f} times as far off as it wanders."
        + (f" Shares in the alarm: {parts}." if parts else "")
    )


def by_channel(anomaly: FlaggedRow) -> str:
    """Which channels the score came from, if the detector looked at several: a sentence, or nothing."""
    shares = anomaly.contributions if isinstance(anomaly, AnomalyRow) else None
    if not shares or len(shares) < 2:
        return ""
    first, second = sorted(shares, key=lambda name: -abs(shares[name]))[:2]
    return f" The score is {abs(shares[first]):.0%} from {first}, {abs(shares[second]):.0%} from {second}."


def expected(anomaly: FlaggedRow) -> str:
    """The band that the reading should have kept to; a dash if the detector has none."""
    if anomaly.mean is None or anomaly.std is None or anomaly.threshold is None or anomaly.detector in OF_LEVELS:
        return NONE
    reach = anomaly.threshold * anomaly.std
    return f"{measured(anomaly.mean - reach, anomaly.std)} to {measured(anomaly.mean + reach, anomaly.std)}"


def reason_of_alarm(alarm: AlarmRow) -> str:
    """How many readings were flagged, and why the furthest was."""
    if alarm.anomalies == 1:
        return reason(alarm)
    return f"{alarm.anomalies:,} readings flagged; the furthest: {reason(alarm)}"
