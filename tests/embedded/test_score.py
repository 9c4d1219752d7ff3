"""`flead score`: every row of a source is a line or among the rejected, in its file's order."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from flead.cli.app import app
from flead.embedded.score import rejected_file
from flead.errors import FleadError
from flead.learning.registry import LEARNERS

LENGTH = 400


def folder(path: Path, devices: int = 3, labels: NDArray[np.int64] | None = None) -> Path:
    """Devices whose clocks stand still and step back, with a row without a value and one that is no number."""
    rng = np.random.default_rng(7)
    path.mkdir()
    for device in range(devices):
        signal = rng.normal(20, 1, LENGTH)
        signal[300] = 90.0
        seconds = 1_700_000_000 + 5 * np.arange(LENGTH) - np.where(np.arange(LENGTH) % 7 == 3, 20, 0)
        cells = [f"{value:.3f}" for value in signal]
        cells[50], cells[60] = "", "broken"
        label = np.zeros(LENGTH, np.int64) if labels is None else labels
        rows = [f"{time},{cell},{truth}" for time, cell, truth in zip(seconds, cells, label, strict=True)]
        (path / f"pump_{device}.csv").write_text("timestamp,data,label\n" + "\n".join(rows) + "\n")
    return path


def flead(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["score", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


def test_every_row_is_a_line_or_rejected(tmp_path: Path) -> None:
    source, out = folder(tmp_path / "fleet"), tmp_path / "scores.csv"
    summary = flead("--data", f"csv:{source}", "--out", str(out))
    lines, rejected = pl.read_csv(out), pl.read_csv(rejected_file(out))
    assert (summary["readings"], summary["rejected"], summary["devices"]) == (3 * LENGTH - 6, 6, 3)
    assert (lines.height, rejected.height, summary["anomalies"]) == (3 * LENGTH - 6, 6, lines["anomaly"].sum())
    assert lines.columns == ["device_id", "timestamp", "score", "anomaly"]
    assert rejected["location"].to_list()[:2] == ["pump_0.csv:52", "pump_1.csv:52"]
    for device, scored in lines.group_by("device_id", maintain_order=True):
        given = pl.read_csv(source / f"{device[0]}.csv", schema_overrides={"data": pl.String})
        kept = given.with_row_index().filter(~pl.col("index").is_in([50, 60]))
        at = scored["timestamp"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ").dt.epoch("s")
        assert at.to_list() == kept["timestamp"].to_list()
        assert scored["anomaly"][298] == 1
        assert scored["score"][298] > 10


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    source = folder(tmp_path / "fleet")
    flead("--data", f"csv:{source}", "--out", str(tmp_path / "scores.csv"))
    flead("--data", f"csv:{source}", "--out", str(tmp_path / "scores.parquet"))
    csv, parquet = pl.read_csv(tmp_path / "scores.csv"), pl.read_parquet(tmp_path / "scores.parquet")
    assert parquet.schema["timestamp"] == pl.Datetime("ms", "UTC")
    assert parquet.drop("timestamp").equals(csv.drop("timestamp").cast({"anomaly": pl.Int8}))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "fleet", "scores.csv", "scores.parquet", "scores.rejected.csv",
    ]  # fmt: skip


def test_nothing_is_merged_locally(tmp_path: Path) -> None:
    source, out = folder(tmp_path / "fleet", devices=25), tmp_path / "scores.csv"
    assert flead("--data", f"csv:{source}", "--out", str(out))["global_models"] > 0
    assert flead("--data", f"csv:{source}", "--out", str(out), "--local")["global_models"] == 0


@pytest.mark.parametrize("learner", LEARNERS)
def test_labels_reach_no_score(tmp_path: Path, learner: str) -> None:
    scores = []
    for seed in (1, 2):
        labels = np.random.default_rng(seed).integers(0, 2, LENGTH)
        source, out = folder(tmp_path / f"fleet_{seed}", devices=25, labels=labels), tmp_path / f"scores_{seed}.csv"
        flead("--data", f"csv:{source}", "--out", str(out), "--learner", learner)
        scores.append(out.read_bytes())
    assert scores[0] == scores[1]


def test_recordings_made_one_after_another_have_peers_all_the_same(tmp_path: Path) -> None:
    source, out = folder(tmp_path / "fleet", devices=6), tmp_path / "scores.csv"
    for device in range(6):
        file = source / f"pump_{device}.csv"
        header, *rows = file.read_text().splitlines()
        later = [f"{int(time) + 10_000 * device},{rest}" for time, _, rest in (row.partition(",") for row in rows)]
        file.write_text("\n".join([header, *later]) + "\n")
    summary = flead("--data", f"csv:{source}", "--out", str(out), "--learner", "drift")
    assert (summary["readings"], summary["rejected"], summary["devices"]) == (6 * LENGTH - 12, 12, 6)
    lines = pl.read_csv(out)
    assert (lines.height, lines["anomaly"].sum()) == (6 * LENGTH - 12, summary["anomalies"])
    # With peers even the first device judges from its tenth reading on; alone it would still be silent.
    first = lines.filter(pl.col("device_id") == "pump_0")
    assert all(first["score"][10:30] > 0)
    flead("--data", f"csv:{source}", "--out", str(out), "--learner", "drift", "--local")
    assert all(pl.read_csv(out).filter(pl.col("device_id") == "pump_0")["score"][10:30] == 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "sim", "--out", "scores.csv"], "has no end: set --readings"),
        (["--data", "sim", "--readings", "10", "--out", "scores.txt"], "ends in .csv or .parquet"),
        (["--data", "sim", "--readings", "10", "--out", "nowhere/scores.csv"], "No such file or directory"),
        (["--data", "csv:nowhere", "--out", "scores.csv"], "nowhere is neither a folder nor a file"),
        (["--data", "sim", "--readings", "10", "--out", "scores.csv", "--learner", "oracle"], "no learner 'oracle'"),
    ],
)
def test_wrong_input_is_named_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FleadError, match=said):
        CliRunner().invoke(app, ["score", *arguments], catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_a_simulated_fleet_is_scored_up_to_so_many_readings(tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    assert flead("--data", "sim", "--readings", "20000", "--out", str(out))["readings"] == 20_000
    assert pl.read_csv(out).height == 20_000
