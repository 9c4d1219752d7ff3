"""The alarm that the README begins with is one that FLEAD raises."""

from pathlib import Path

from flead.dashboard.webhook import message_of
from flead.ingest.sources import make_source
from flead.records import to_milliseconds
from flead.settings import load
from flead.shard.outputs import anomalies
from flead.shard.shard import Shard
from flead.storage.queries.alarm_rows import AlarmRow

README = Path(__file__).parent.parent / "README.md"


def test_the_alarm_of_the_readme_is_real() -> None:
    settings, _ = load({"devices": 300})
    shard, source = Shard(settings), make_source(settings)
    source.open(shard.devices, None)
    flagged = []
    begin, end = to_milliseconds("2025-01-01T00:01:25Z"), to_milliseconds("2025-01-01T00:02:00Z")
    while (chunk := source.next_batch(8192, end)) is not None and chunk.batch.size:
        found = anomalies(shard, shard.observe(chunk.batch))
        flagged += [one for one in found if one.device_id == "device_144" and to_milliseconds(one.timestamp) > begin]
    source.close()
    times = [to_milliseconds(one.timestamp) for one in flagged]
    worst = max(flagged, key=lambda one: abs(one.z_score))
    alarm = AlarmRow(
        id=1, revision=1, device_id=worst.device_id, broker_id=1, severity="critical", state="open",
        started_at=times[0], last_at=times[-1], anomalies=len(flagged), criticals=2, channel=worst.channel,
        value=worst.value, z_score=worst.z_score, detector=worst.detector, mean=worst.mean, std=worst.std,
        threshold=worst.threshold, worst_at=to_milliseconds(worst.timestamp), acknowledged_at=None, closed_at=None,
        closed_by=None,
    )  # fmt: skip
    assert str(message_of(alarm)["text"]) in " ".join(README.read_text().split())
