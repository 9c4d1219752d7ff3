"""`flead run` as a user runs it: its summary against its input and the tables; crashes and bad input."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from flead.embedded.pipeline import BATCH
from flead.privacy.accountant import DELTA, epsilon_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

DATA = Path(os.environ.get("FLEAD_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"no real data at {DATA}: set FLEAD_TEST_DATA")

LOCAL_MODELS = (
    "select device_id, model_version, global_version, accuracy, loss, samples_processed, parameters, created_at"
)


class Flead:
    """The command, with a data directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.environment = os.environ | {"FLEAD_DATA_DIR": str(directory), "FLEAD_DATABASE_PORT": "0"}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "flead", *arguments]
        return subprocess.Popen(
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def __call__(self, *arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, *arguments: str) -> dict[str, Any]:
        result = self("run", "--speed", "max", "--no-web", "--json", *arguments)
        assert "--data" in arguments or result.stderr == ""
        summary: dict[str, Any] = json.loads(result.stdout)
        return summary

    def sql(self, query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self("sql", query, "--json").stdout)["rows"]
        return rows

    def counts(self) -> dict[str, int]:
        return self.sql(
            """select (select count(*) from anomalies) as anomalies,
            (select count(*) from local_models) as local_updates,
            (select count(*) from federated_models) as global_models, (select count(*) from rejected) as rejected,
            (select coalesce(sum(readings), 0)::bigint from devices) as readings"""
        )[0]


@pytest.fixture
def flead(tmp_path: Path) -> Flead:
    return Flead(tmp_path / "data")


def agree(summary: dict[str, Any], counts: dict[str, int]) -> bool:
    return {name: summary[name] for name in counts} == counts


def wait_for_readings(pid_file: Path, readings: int) -> None:
    """Until a run that is under way has stored so many."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        time.sleep(0.1)
        try:
            port = int(pid_file.read_text().splitlines()[3])
            with psycopg.connect(
                host="127.0.0.1", port=port, user="flead", dbname="flead", password="password"
            ) as connection:
                row = connection.execute("select sum(readings) from devices").fetchone()
        except (OSError, IndexError, ValueError, psycopg.Error):
            continue
        if row and (row[0] or 0) >= readings:
            return
    pytest.fail(f"no {readings} readings were stored in time")


def test_summary_and_tables_agree(flead: Flead) -> None:
    summary = flead.run("--readings", "100000", "--devices", "500")
    assert summary["readings"] == 100_000
    assert summary["global_models"] > 0
    assert agree(summary, flead.counts())
    # 500 devices with 200 readings each, one a second: four trainings each, on 50 readings.
    versions = flead.sql(
        "select model_version, count(*), min(samples_processed), max(samples_processed) from local_models group by 1"
    )
    assert sorted(tuple(row.values()) for row in versions) == [(v, 500, 50, 50) for v in (1, 2, 3, 4)]
    rounds = flead.sql("select global_version as v, num_devices from federated_models order by 1")
    assert [row["v"] for row in rounds] == list(range(1, len(rounds) + 1))
    assert {row["num_devices"] for row in rounds} == {20}
    for name in ("accuracy", "majority_accuracy", "f1", "false_alarm_rate"):
        assert 0 <= summary[name] <= 1


def test_a_second_run_continues_as_if_there_had_been_one(tmp_path: Path) -> None:
    whole, parts = Flead(tmp_path / "whole"), Flead(tmp_path / "parts")
    everything = whole.run("--readings", str(7 * BATCH), "--devices", "300")
    first = parts.run("--readings", str(4 * BATCH), "--devices", "300")
    second = parts.run("--readings", str(3 * BATCH), "--devices", "300")
    for name in ("readings", "anomalies", "local_updates", "global_models", "evaluated"):
        assert first[name] + second[name] == everything[name], name
    for query in (
        f"{LOCAL_MODELS} from local_models order by 1, 2",
        "select device_id, channel, value, z_score, timestamp from anomalies order by 1, 2, 5",
        "select global_version, accuracy, parameters from federated_models order by 1",
        "select model_version, broker_id, true_positives, false_positives, true_negatives, false_negatives"
        " from evaluation_counts order by 1, 2",
    ):
        assert whole.sql(query) == parts.sql(query)
    assert parts.run("--readings", "100", "--devices", "300", "--fresh")["readings"] == 100
    assert parts.counts()["readings"] == 100


def test_after_kill_9_nothing_is_lost_and_nothing_is_twice(tmp_path: Path) -> None:
    whole, killed = Flead(tmp_path / "whole"), Flead(tmp_path / "killed")
    devices = ("--devices", "300")
    process = killed.start("run", "--speed", "max", "--no-web", *devices)
    wait_for_readings(tmp_path / "killed" / "postgres" / "postmaster.pid", 20 * BATCH)
    process.kill()
    process.communicate(timeout=30)
    stored = killed.counts()
    assert stored["readings"] > 0
    assert stored["readings"] % BATCH == 0
    batches = stored["readings"] // BATCH + 5
    killed.run("--readings", str(5 * BATCH), *devices)
    whole.run("--readings", str(batches * BATCH), *devices)
    assert killed.counts() == whole.counts()
    query = f"""select md5(string_agg(t::text, ',' order by device_id, model_version)) from
        ({LOCAL_MODELS} from local_models) as t"""
    assert killed.sql(query) == whole.sql(query)


def test_private_updates_and_what_they_have_told(tmp_path: Path) -> None:
    clear, private = Flead(tmp_path / "clear"), Flead(tmp_path / "private")
    private.environment |= {"FLEAD_PRIVACY_NOISE": "4", "FLEAD_PRIVACY_SEED": "1"}
    for one in clear, private:
        one.run("--readings", "30000", "--devices", "100")
    query = "select device_id, model_version, parameters from local_models order by 1, 2"
    told = private.sql(query)
    assert [row["parameters"] for row in told] != [row["parameters"] for row in clear.sql(query)]
    epsilons = [row["epsilon"] for row in private.sql("select epsilon from federated_models order by global_version")]
    assert epsilons == sorted(epsilons)
    assert epsilons[-1] == pytest.approx(epsilon_of(max(row["model_version"] for row in told) / 4, DELTA))
    assert f"ε {epsilons[-1]:.1f}" in private("models", "list").stdout
    assert {row["epsilon"] for row in clear.sql("select epsilon from federated_models")} == {None}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_its_summary(flead: Flead, number: signal.Signals) -> None:
    process = flead.start("run", "--devices", "50", "--json")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("viewer: http://127.0.0.1:")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert agree(json.loads(out), flead.counts())


@needs_data
def test_skab_is_read_whole(flead: Flead) -> None:
    files = [path for group in ("valve1", "valve2", "other") for path in (DATA / "skab" / group).glob("*.csv")]
    rows = sum(len(path.read_text().splitlines()) - 1 for path in files)
    summary = flead.run("--data", f"skab:{DATA / 'skab'}")
    assert len(files) == 34
    assert summary["readings"] + summary["rejected"] == rows
    assert summary["alarms"]["labelled"] == rows
    assert agree(summary, flead.counts())
    again = flead.run("--data", f"skab:{DATA / 'skab'}")
    assert again["readings"] == 0
    gaps = flead.sql(
        """select device_id from local_models group by 1
        having count(distinct model_version) <> count(*) or max(model_version) <> count(*)"""
    )
    assert gaps == []
    assert len(flead.sql("select 1 from local_models")) == summary["local_updates"] + again["local_updates"]


@needs_data
def test_edge_iiotset_sample_is_accounted_for(flead: Flead) -> None:
    sample = DATA / "edge-iiotset" / "sample.csv"
    with sample.open(newline="") as file:
        rows = sum(1 for _ in csv.reader(file)) - 1
    summary = flead.run("--data", f"edge-iiotset:{sample}")
    assert summary["readings"] + summary["rejected"] == rows
    assert agree(summary, flead.counts())
    reasons = flead.sql("select reason, location, raw from rejected")
    assert all(row["reason"] and row["location"] and row["raw"] for row in reasons)


def test_bad_rows_are_kept_and_the_run_goes_on(flead: Flead, tmp_path: Path) -> None:
    folder = tmp_path / "csv"
    folder.mkdir()
    good = "".join(f"{second},{20 + second % 3}\n" for second in range(30))
    (folder / "pump.csv").write_text("timestamp,pressure\n" + good + "31,oops\n32,nan\nyesterday,1\n33,21\n")
    (folder / "empty.csv").write_text("")
    summary = flead.run("--data", f"csv:{folder}")
    assert (summary["readings"], summary["rejected"]) == (31, 4)
    reasons = flead.sql("select location, reason from rejected")
    assert {Path(row["location"]).name.split(":")[0] for row in reasons} == {"pump.csv", "empty.csv"}


def rows(first: int, last: int) -> str:
    return "".join(f"2025-03-03 {8 + n // 60:02}:{n % 60:02};{n % 7},5;\n" for n in range(first, last))


def test_files_that_grow_are_read_once_and_what_they_were_understood_as_is_said(flead: Flead, tmp_path: Path) -> None:
    data = tmp_path / "tank.csv"
    arguments = ("run", "--speed", "max", "--no-web", "--json", "--data", f"csv:{data}")
    data.write_text("Zeit;Pegel;Ort\n" + rows(0, 90))
    first = flead(*arguments)
    assert json.loads(first.stdout)["readings"] == 90
    assert first.stderr.splitlines() == [
        f"csv:{data}: tank.csv: wide, semicolon between cells, decimal comma; times in Zeit (YYYY-MM-DD hh:mm, UTC);"
        " 1 channel: Pegel",
        "  left out: Ort (is empty)",
        "tank.csv: 90 readings of tank",
    ]
    data.write_text("Zeit;Pegel;Ort\n" + rows(0, 100))
    second = flead(*arguments)
    assert json.loads(second.stdout)["readings"] == 10
    assert "90 rows of these had been read before; --fresh reads them again" in second.stderr
    assert json.loads(flead(*arguments).stdout)["readings"] == 0
    assert json.loads(flead(*arguments, "--fresh").stdout)["readings"] == 100


def test_a_source_of_which_nothing_is_read_ends_with_exit_code_1_and_why(flead: Flead, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.csv").write_text("time,x\n" + "05/06/2025 08:00,1\n" * 5)
    done = flead("run", "--speed", "max", "--no-web", "--data", f"csv:{tmp_path / 'd'}", code=1)
    assert 'time_format = "day-first" or "month-first"' in done.stderr
    assert "nothing was read: no time (5, such as 'line 2: 05/06/2025 08:00,1')" in done.stderr
    assert flead("look", str(tmp_path / "d"), code=1).stdout
    assert flead("score", "--data", f"csv:{tmp_path / 'd'}", "--out", str(tmp_path / "s.csv"), code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--learner", "oracle"], "zscore"),
        (["--strategy", "hope"], "fedbuff"),
        (["--data", "csv:/no/such/folder"], "/no/such/folder"),
        (["--data", "kafka"], "skab:DIR"),
        (["--devices", "0"], "devices"),
        (["--speed", "fast"], "speed"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(flead: Flead, arguments: list[str], said: str) -> None:
    result = flead("run", "--no-web", *arguments, code=2)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr


def test_a_port_in_use_is_one_line(flead: Flead) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flead.environment["FLEAD_WEB_PORT"] = str(port)
        result = flead("run", "--devices", "5", code=2)
    assert len(result.stderr.splitlines()) == 1
    assert str(port) in result.stderr


def test_two_runs_on_one_directory(flead: Flead) -> None:
    process = flead.start("run", "--devices", "5", "--json")
    assert process.stderr is not None
    try:
        assert process.stderr.readline().startswith("viewer")
        result = flead("run", "--devices", "5", "--no-web", code=2)
        assert len(result.stderr.splitlines()) == 1
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_run_that_cannot_start_forgets_nothing(flead: Flead) -> None:
    flead.run("--readings", "1000", "--devices", "5")
    flead("run", "--no-web", "--fresh", "--data", "csv:/no/such/folder", code=2)
    assert flead.counts()["readings"] == 1000


def test_a_rollback_is_the_next_version_and_devices_go_on_from_it(flead: Flead) -> None:
    flead.run("--readings", "60000", "--devices", "300")
    newest = flead.sql("select max(global_version) as v from federated_models")[0]["v"]
    listed = json.loads(flead("models", "list", "--json").stdout)["models"]
    assert [row["version"] for row in listed[:2]] == [newest, newest - 1]
    assert "no global model 9999" in flead("models", "rollback", "9999", "--yes", code=2).stderr
    assert json.loads(flead("models", "rollback", "3", "--json").stdout) == {"rolled_back_to": 3, "version": None}
    flead.run("--readings", "30000", "--devices", "300")
    made = flead.sql("select global_version as v, restored_version as old from federated_models order by 1")
    assert [row["v"] for row in made] == list(range(1, len(made) + 1))
    (again,) = [row["v"] for row in made if row["old"] == 3]
    moved = json.loads(flead("models", "diff", "3", str(again), "--json").stdout)["parameters"]
    assert {parameter["change"] for parameter in moved} == {0.0}
    assert json.loads(flead("models", "show", str(again), "--json").stdout)["restored_version"] == 3
    started = flead.sql(f"select count(*) as n from local_models where global_version = {again}")
    assert started[0]["n"] > 0
