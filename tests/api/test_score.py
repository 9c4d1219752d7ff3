"""``flead.score`` says of a frame what ``flead score`` says of the same readings in files."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import flead
from flead.cli.app import app
from flead.learning.registry import LEARNERS


def fleet(path: Path) -> pl.DataFrame:
    """25 devices of one or two channels in a folder of files; returned as one frame, device after device."""
    rng, frames = np.random.default_rng(7), []
    path.mkdir()
    for device in range(25):
        values = {"bar": rng.normal(20, 1, 400).round(3)}
        if device % 2:
            values["flow"] = rng.normal(3, 0.1, 400).round(3)
        values["bar"][300] = 90.0
        times = pl.from_epoch(1_700_000_000 + 5 * pl.int_range(400, eager=True), time_unit="s").cast(pl.Datetime("ms"))
        frame = pl.DataFrame({"timestamp": times, **values})
        frame.write_csv(path / f"pump_{device}.csv")
        frames.append(frame.select(pl.lit(f"pump_{device}").alias("device_id"), pl.all()))
    return pl.concat(frames, how="diagonal")


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("local", [False, True])
def test_it_is_what_the_command_says(tmp_path: Path, learner: str, local: bool):
    frame, out = fleet(tmp_path / "fleet"), tmp_path / "scores.parquet"
    command = ["score", "--data", f"csv:{tmp_path / 'fleet'}", "--learner", learner, "--out", str(out)]
    done = CliRunner().invoke(app, [*command, *(["--local"] if local else [])], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    columns = ["device_id", "timestamp", "score", "anomaly"]
    said = pl.read_parquet(out).with_columns(pl.col("timestamp").dt.replace_time_zone(None))
    found = flead.score(frame, learner, local=local).with_columns(pl.col("anomaly").cast(pl.Int8))
    assert found.sort("device_id", "timestamp").select(columns).equals(said.sort("device_id", "timestamp"))
    assert found["score"].max() > 0
