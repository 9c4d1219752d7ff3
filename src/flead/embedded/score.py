"""`flead score`: a backtest of any source, one scored line per reading, without a database.

Every reading is judged by what came before it, as in `flead run`. The lines come in the order of the stream, so those
of a device in its file's order, even where its times repeat or step back.

Recordings need not overlap in time: of experiments made one after another, the first would have no peers. So for a
learner that shares statistics the training rows of all devices come first (``flead.evaluation.backtest``), and the
lines are those of one device after another.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.columns import Chunk, Source
from flead.errors import FleadError
from flead.evaluation.backtest import backtest, series_of
from flead.federation.rounds import Rounds, rounds_of
from flead.ingest.csv_folder import Files
from flead.ingest.report import at_start, warnings_of
from flead.ingest.simulated import SimulatedSource
from flead.ingest.sources import make_source
from flead.learning.registry import LEARNERS
from flead.learning.strategies import Strategy
from flead.records import Rejected, to_texts
from flead.settings import Settings
from flead.shard.outputs import local_updates
from flead.shard.shard import Outcome, Shard

BATCH = 8192
"""Readings at a time, as in `flead run`: a backtest adopts global models when a run at full speed would."""

SCHEMA = pl.Schema({"device_id": pl.String, "timestamp": pl.String, "score": pl.Float64, "anomaly": pl.Int8})
ISO_8601 = "%Y-%m-%dT%H:%M:%S%.3fZ"


@dataclass(slots=True)
class Scored:
    """The result of a backtest. ``readings`` + ``rejected`` are all rows of the source."""

    readings: int = 0
    rejected: int = 0
    anomalies: int = 0
    devices: int = 0
    global_models: int = 0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    """What a user should know of how the source was read."""

    def to_dict(self) -> dict[str, Any]:
        """The summary that ``flead score --json`` prints."""
        rate = round(self.readings / self.seconds) if self.seconds else 0
        return {**asdict(self), "seconds": round(self.seconds, 3), "readings_per_second": rate}

    def __str__(self) -> str:
        return (
            f"{self.readings:,} readings of {self.devices:,} devices scored in {self.seconds:.1f} s, "
            f"{self.anomalies:,} anomalies, {self.rejected:,} rejected, {self.global_models:,} global models"
        )


def score(settings: Settings, out: Path, *, local: bool, progress: Callable[[int, int], None]) -> Scored:
    """Score ``settings.data`` into ``out``, CSV or Parquet by its suffix; ``local``: without federation.

    Invalid rows go to ``rejected_file(out)``, so that every row of the source is in one of the two. Memory does
    not grow with the output. ``progress`` gets the rows done and in all. FleadError for another suffix, or a source
    that has no end without ``settings.readings``; nothing is at ``out`` until all of it is.
    """
    source, started = make_source(settings), time.monotonic()
    rounds = rounds_of(settings)
    recorded = settings.readings is None and not isinstance(source, SimulatedSource)
    if recorded and not local and LEARNERS[settings.learner].statistics:
        scored = _score_recordings(settings, source, rounds.strategy, out, progress)
    else:
        scored = _score_stream(settings, source, None if local else rounds, out, progress)
    scored.seconds = time.monotonic() - started
    if isinstance(source, Files):
        scored.warnings = [
            line.strip() for line in at_start(source.account) + warnings_of(source.account) if "warning:" in line
        ]
    return scored


def _score_recordings(
    settings: Settings, source: Source, strategy: Strategy, out: Path, progress: Callable[[int, int], None]
) -> Scored:
    """Every device with the prior of its peers, which have trained on their first rows."""
    rejected: list[Rejected] = []
    series = series_of(source, rejected.extend)
    total = sum(len(each.times) for each in series) + len(rejected)
    scored = Scored(rejected=len(rejected), devices=len(series))
    with _writer(out) as write:
        write(pl.DataFrame(schema=SCHEMA), rejected)
        for each, said in zip(series, backtest(series, settings, Shard, strategy, settings.training_rows), strict=True):
            devices = [each.device] * len(each.times)
            write(_frame(devices, each.times, said.score, said.anomalous), [])
            scored.readings += len(each.times)
            scored.anomalies += int(said.anomalous.sum())
            progress(scored.readings + scored.rejected, total)
    return scored


def _score_stream(
    settings: Settings, source: Source, rounds: Rounds | None, out: Path, progress: Callable[[int, int], None]
) -> Scored:
    """The readings as they come; global models are adopted as they are made."""
    shard, scored = Shard(settings), Scored()
    source.open(shard.devices, None)
    try:
        total = source.total() if settings.readings is None else settings.readings
        if total is None:
            raise FleadError(f"data = {settings.data!r} has no end: set --readings to how many to score")
        with _writer(out) as write:
            while scored.readings < (settings.readings or scored.readings + 1):
                limit = min(BATCH, (settings.readings or BATCH + scored.readings) - scored.readings)
                chunk = source.next_batch(limit, None)
                if chunk is None:
                    break
                outcome = shard.observe(chunk.batch)
                if rounds is not None:
                    scored.global_models += _federate(shard, rounds, outcome)
                write(_lines(shard, outcome), chunk.rejected)
                _count(scored, chunk, outcome)
                progress(scored.readings + scored.rejected, total)
    finally:
        source.close()
    scored.devices = len(shard.devices)
    return scored


def rejected_file(out: Path) -> Path:
    """Where invalid rows are listed, if there are any: ``x.rejected.csv`` beside ``x.csv``."""
    return out.with_suffix(".rejected.csv")


def _federate(shard: Shard, rounds: Rounds, outcome: Outcome) -> int:
    """Merge the batch's updates and let the devices adopt the newest global model; returns how many were made."""
    models = [model for update in local_updates(shard, outcome) if (model := rounds.add(update)) is not None]
    if models:
        shard.adopt(models[-1])
    return len(models)


def _lines(shard: Shard, outcome: Outcome) -> pl.DataFrame:
    batch, judgement = outcome.batch, outcome.judgement
    return _frame(shard.devices.texts(batch.rows), batch.times, judgement.score, judgement.anomalous)


def _frame(
    devices: list[str], times: NDArray[np.int64], score: NDArray[np.float64], anomalous: NDArray[np.bool_]
) -> pl.DataFrame:
    columns = {"device_id": devices, "timestamp": to_texts(times), "score": score, "anomaly": anomalous.astype(np.int8)}
    return pl.DataFrame(columns, schema=SCHEMA)


def _count(scored: Scored, chunk: Chunk, outcome: Outcome) -> None:
    scored.readings += chunk.batch.size
    scored.rejected += len(chunk.rejected)
    scored.anomalies += len(outcome.anomalies)


@contextmanager
def _writer(out: Path) -> Iterator[Callable[[pl.DataFrame, list[Rejected]], None]]:
    """Writes lines and rejected rows; the files get their names when all is written, and go if it fails."""
    suffix = out.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise FleadError(f"--out {out}: unknown format; use a name that ends in .csv or .parquet")
    lines, refused = (path.with_name(path.name + ".part") for path in (out, rejected_file(out)))
    try:
        with _created(lines) as scores, _created(refused) as rejections:
            pl.DataFrame(schema=SCHEMA).write_csv(scores)
            pl.DataFrame(schema={"location": pl.String, "reason": pl.String}).write_csv(rejections)
            empty = rejections.tell()
            yield lambda frame, rejected: _append(scores, rejections, frame, rejected)
            any_rejected = rejections.tell() > empty
        if suffix == ".parquet":
            _to_parquet(lines)
        lines.replace(out)
        if any_rejected:
            refused.replace(rejected_file(out))
        else:
            rejected_file(out).unlink(missing_ok=True)
    finally:
        lines.unlink(missing_ok=True)
        refused.unlink(missing_ok=True)


def _created(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise FleadError(f"{path}: cannot be written ({error.strerror}); use another --out") from error


def _to_parquet(lines: Path) -> None:
    """Turn a CSV file into Parquet, in its place: what a Parquet file needs to know as a whole stays on the disk."""
    packed = lines.with_name(lines.name + ".packed")
    when = pl.col("timestamp").str.to_datetime(ISO_8601, time_unit="ms", time_zone="UTC")
    try:
        pl.scan_csv(lines, schema=SCHEMA).with_columns(when).sink_parquet(packed)
        packed.replace(lines)
    finally:
        packed.unlink(missing_ok=True)


def _append(scores: BinaryIO, rejections: BinaryIO, frame: pl.DataFrame, rejected: list[Rejected]) -> None:
    frame.write_csv(scores, include_header=False)
    if rejected:
        rows = {"location": [row.location for row in rejected], "reason": [row.reason for row in rejected]}
        pl.DataFrame(rows).write_csv(rejections, include_header=False)
