"""`flead look`: what a source is understood as, by its beginning. Nothing is stored."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from flead.columns import Chunk, Devices
from flead.errors import FleadError
from flead.ingest.csv_folder import look
from flead.ingest.recognise.pins import pins_of
from flead.ingest.recognise.understanding import (
    Account,
    Channel,
    FileReport,
    Guess,
    LeftOut,
    Understanding,
    tally,
)
from flead.ingest.report import warnings_of
from flead.records import to_text
from flead.settings import Settings

FORMS = "a file, a folder, csv:PATH, mqtt://HOST/TOPICS, or - for lines on standard input"
MOST_MESSAGES = 20_000
_POLL_SECONDS = 0.05


def look_at(settings: Settings, source: str, seconds: float) -> Account:
    """What is understood of a source; of one without an end, what comes within ``seconds``. FleadError without one."""
    scheme, colon, place = source.partition(":")
    if scheme == "csv" and colon:
        return look(source, Path(place).expanduser(), pins_of(settings))
    if source == "-" or scheme in ("mqtt", "mqtts"):
        return _listen(settings, source, seconds)
    path = Path(source).expanduser()
    if path.exists():
        return look(f"csv:{source}", path, pins_of(settings))
    raise FleadError(f"{source!r} is no source to look at; give {FORMS}")


def warnings(account: Account) -> list[str]:
    """What a user should know of before a run."""
    of_forms = [warning for understood in account.understandings for warning in understood.warnings]
    return of_forms + [line.removeprefix("warning: ") for line in warnings_of(account)]


def as_dict(account: Account) -> dict[str, Any]:
    """The JSON of ``flead look --json``."""
    said: dict[str, Any] = msgspec.to_builtins(account)
    return said | {"readings": account.readings, "rejected": account.rejected, "warnings": warnings(account)}


def _listen(settings: Settings, name: str, seconds: float) -> Account:
    from flead.agent.sources import make_source

    source = make_source(settings.model_copy(update={"source": name}), "flead-look").source
    devices, chunks, count = Devices(), list[Chunk](), 0
    source.open(devices, None)
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until and count < MOST_MESSAGES:
            chunk = source.next_batch(MOST_MESSAGES, None)
            if chunk is None:
                break
            count += chunk.batch.size + len(chunk.rejected)
            chunks.append(chunk)
            if not chunk.batch.size:
                time.sleep(_POLL_SECONDS)
        left_out: dict[str, int] = getattr(source, "left_out", dict)()
        times: dict[str, int] = getattr(source, "times", dict)()
    finally:
        source.close()
    return _account(source.name, devices, chunks, left_out, times)


def _account(
    name: str, devices: Devices, chunks: list[Chunk], left_out: dict[str, int], times: dict[str, int]
) -> Account:
    report = FileReport(name, [devices.id(row) for row in range(len(devices))])
    channels: dict[str, Channel] = {}
    first, last = [], []
    for chunk in chunks:
        report.readings += chunk.batch.size
        for bad in chunk.rejected:
            tally(report.rejected, bad.reason.partition(":")[0], "", 1, [bad.raw[:60].decode(errors="replace")])
        if chunk.batch.size:
            first.append(int(chunk.batch.times.min()))
            last.append(int(chunk.batch.times.max()))
        for row in np.unique(chunk.batch.rows).tolist():
            for column, channel in enumerate(devices.channels(row)):
                if column < chunk.batch.values.shape[1]:
                    _see(
                        channels.setdefault(channel, Channel(channel)),
                        chunk.batch.values[chunk.batch.rows == row, column],
                    )
    report.rows = report.readings + report.lost
    guesses = [Guess("shape", "messages", "it is a stream"), Guess("devices", f"{len(devices)}", "by topic or message")]
    guesses += [
        Guess("time", path or "arrival", f"{count:,} messages say it" if path else f"{count:,} messages say none")
        for path, count in Counter(times).most_common(5)
    ]
    named = [item.partition(": ") for item in left_out]
    understood = Understanding(
        files=[name],
        shape="messages",
        guesses=guesses,
        channels=list(channels.values()),
        left_out=[LeftOut(path, f"is {why}" if why else "") for path, _, why in named],
        first=to_text(min(first)) if first else "",
        last=to_text(max(last)) if last else "",
    )
    return Account(name, [understood], [report])


def _see(channel: Channel, values: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    given = values[~np.isnan(values)]
    if len(given):
        low, high = float(given.min()), float(given.max())
        channel.lowest = low if channel.lowest is None else min(channel.lowest, low)
        channel.highest = high if channel.highest is None else max(channel.highest, high)
        channel.values += len(given)
