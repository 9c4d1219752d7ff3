"""`flead evaluate`: its table on SKAB, its rules, and that no learner sees what it must not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flead.cli.app import app
from flead.columns import Batch
from flead.embedded.evaluate import DEVICES, HOSTILE
from flead.embedded.evaluation_report import MARK, tables, write_tables
from flead.embedded.tampering import ATTACKS, hostile
from flead.errors import FleadError
from flead.evaluation.backtest import Sent, Series, as_it_is, series_of
from flead.evaluation.benchmark import Bench
from flead.federation.rounds import rounds_of
from flead.ingest.sources import make_source
from flead.learning.registry import LEARNERS
from flead.settings import Settings
from flead.shard.shard import Outcome, Shard
from tests.ingest.drain import ROOT, real_data

TRAINING, LENGTH = 100, 260


def evaluate(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["evaluate", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def fleet(labels_seed: int = 0) -> list[Series]:
    """Five devices whose faults are a jump, with labels or with others in their place."""
    rng, series = np.random.default_rng(3), []
    for number in range(5):
        values, labels = rng.normal(20, 1, (LENGTH, 2)), np.zeros(LENGTH, np.int8)
        values[200:230] += 9.0
        labels[200:230] = 1
        if labels_seed:
            labels = np.random.default_rng(labels_seed + number).permutation(labels)
        series.append(Series(f"pump_{number}", ("a", "b"), 1000 * np.arange(LENGTH), values, labels))
    return series


def bench(series: list[Series]) -> Bench:
    return Bench(series, Shard, lambda settings: rounds_of(settings).strategy, TRAINING)


def folder(path: Path) -> Path:
    path.mkdir()
    for each in fleet():
        rows = zip(each.times // 1000, each.values[:, 0], each.labels, strict=True)
        lines = [f"{time},{value:.6f},{label}" for time, value, label in rows]
        (path / f"{each.device}.csv").write_text("timestamp,data,label\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("federated", [False, True])
@pytest.mark.parametrize("learner", LEARNERS)
def test_other_labels_leave_every_score_as_it_is(learner: str, federated: bool) -> None:
    settings = Settings(learner=learner, training_rows=TRAINING)
    true, shuffled = (bench(fleet(seed)).run(settings, federated) for seed in (0, 7))
    assert [each.score.tobytes() for each in true] == [each.score.tobytes() for each in shuffled]
    assert [each.anomalous.tobytes() for each in true] == [each.anomalous.tobytes() for each in shuffled]
    assert [each.labels.tobytes() for each in true] != [each.labels.tobytes() for each in shuffled]


@pytest.mark.parametrize("learner", LEARNERS)
def test_another_clock_leaves_every_score_as_it_is(learner: str) -> None:
    settings = Settings(learner=learner, training_rows=TRAINING)
    later = [each._replace(times=each.times + 977_000_000) for each in fleet()]
    one, other = bench(fleet()).run(settings, False), bench(later).run(settings, False)
    assert [each.score.tobytes() for each in one] == [each.score.tobytes() for each in other]


@pytest.mark.parametrize("leak", ["labels", "time"])
def test_a_leak_is_seen(leak: str) -> None:
    # A shard that has got hold of the truth, or of the clock: the two tests above must not be blind to it.
    def scores(series: list[Series], rotated: int = 0) -> list[bytes]:
        truth = {each.device: each.labels for each in series}

        class Leaky(Shard):
            def observe(self, batch: Batch) -> Outcome:
                outcome = super().observe(batch)
                peek = truth[self.devices.id(0)] if leak == "labels" else batch.times // 1000
                outcome.judgement = outcome.judgement._replace(score=outcome.judgement.score + peek)
                return outcome

        found = Bench(series, Leaky, lambda settings: rounds_of(settings).strategy, TRAINING)
        return [each.score.tobytes() for each in found.run(Settings(training_rows=TRAINING), False)]

    if leak == "labels":
        assert scores(fleet()) != scores(fleet(7))
    else:
        assert scores(fleet()) != scores([each._replace(times=each.times + 977_000_000) for each in fleet()])


def test_the_rules_are_what_they_say() -> None:
    series = fleet()
    chance, always, by_row = bench(series).rules([each.device for each in series])
    share = 30 / 160
    assert always.figures["f1"] == pytest.approx(2 * share / (1 + share))
    assert (always.figures["far"], always.figures["mar"]) == (1.0, 0.0)
    assert chance.figures["auc"] == pytest.approx(0.5, abs=0.05)
    assert by_row.figures["f1"] == 1.0  # all faults are at the same rows here


def test_a_folder_of_csv_files_is_evaluated(tmp_path: Path) -> None:
    path = folder(tmp_path / "fleet")
    found = evaluate("csv", str(path), "--learner", "zscore", "--training", "100", "--local")
    [line] = found["learners"]
    assert (found["recordings"], line["learner"], line["federated"], line["faults"]) == (5, "zscore", False, 5)
    assert line["found"] == 5
    assert line["f1_low"] <= line["f1"] <= line["f1_high"]
    assert [row["training_rows"] for row in found["cold_start"]] == [30, 50, 100, 200, 400]
    assert "held_out" not in found


def test_tables_are_written_between_their_marks(tmp_path: Path) -> None:
    path, document = folder(tmp_path / "fleet"), tmp_path / "detection.md"
    found = evaluate("csv", str(path), "--learner", "zscore", "--training", "100", "--local")
    document.write_text("# Words\n\n<!-- table: learners -->\nold\n<!-- end -->\n\nMore words.\n")
    write_tables(document, found)
    text = document.read_text()
    assert text == f"# Words\n\n<!-- table: learners -->\n{tables(found)['learners']}\n<!-- end -->\n\nMore words.\n"
    write_tables(tmp_path / "new.md", found)
    assert [name for _, name, _, _ in MARK.findall((tmp_path / "new.md").read_text())] == ["learners", "cold_start"]
    document.write_text("no marks")
    with pytest.raises(FleadError, match="nothing to write"):
        write_tables(document, found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sim", "nowhere"], "cannot evaluate on 'sim'"),
        (["csv", "nowhere"], "neither a folder nor a file"),
        (["csv", "nowhere", "--learner", "oracle"], "no learner 'oracle'"),
    ],
)
def test_wrong_input_is_named(arguments: list[str], said: str) -> None:
    with pytest.raises(FleadError, match=said):
        CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=False)


@pytest.mark.real
@pytest.mark.timeout(600)
def test_the_published_learners_on_skab_have_the_published_figures() -> None:
    found = evaluate("skab", str(real_data("skab")), "--learner", "zscore", "--learner", "logistic", "--local")
    zscore, logistic = found["learners"]
    assert (zscore["f1"], zscore["far"], zscore["mar"]) == pytest.approx((0.336, 0.183, 0.766), abs=0.002)
    assert logistic["f1"] == 0.0
    _, always, by_row = found["rules"]
    assert always["f1"] == pytest.approx(0.698, abs=0.001)
    assert by_row["f1"] > 0.9
    assert {line["training_rows"] for line in found["anomaly_free"]} == {400, 2000}


@pytest.mark.real
@pytest.mark.timeout(300)
def test_a_fifth_of_hostile_peers_does_little_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=f"skab:{real_data('skab')}", learner="drift")
    found = Bench(series_of(make_source(settings)), Shard, lambda one: rounds_of(one).strategy, 400)

    def f1(**attacks: Sent) -> dict[str, float]:
        rows = found.poisoned(settings, attacks, DEVICES, HOSTILE)
        return {row.figures["attack"]: row.figures["f1"] for row in rows}

    reached = f1(none=as_it_is, **{attack: hostile(attack, HOSTILE) for attack in ATTACKS})
    assert reached["none"] > 0.8
    assert min(reached.values()) > reached["none"] - 0.02, reached
    # The attack is one: asked like all the others, these peers would do harm.
    monkeypatch.setattr("flead.learning.strategies.peers.FAR", np.inf)
    assert f1(large=hostile("x 100", HOSTILE))["large"] < reached["none"] - 0.05


def test_the_document_has_a_mark_for_every_table() -> None:
    text = (ROOT / "docs" / "detection-results.md").read_text()
    marked = {name: table for _, name, table, _ in MARK.findall(text)}
    assert marked.keys() == {"learners", "cold_start", "held_out", "anomaly_free", "poison", "privacy"}
    for learner in LEARNERS:
        assert f"`{learner}`, alone" in marked["learners"], "flead evaluate skab DIR --write docs/detection-results.md"
