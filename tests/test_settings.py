"""Where a setting comes from, and what is said of one that cannot be used."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from flead.errors import FleadError
from flead.settings import PREFIX, SECTIONS, Settings, SettingsError, fields_of, load


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flead.toml"


def test_without_a_word_everything_has_its_default(file: Path) -> None:
    settings, origins = load(file=file)
    assert settings == Settings()
    assert (settings.window, settings.min_readings, settings.threshold, settings.critical) == (100, 10, 2.5, 5.0)
    assert (settings.train_readings, settings.train_seconds, settings.learning_rate) == (50, 60, 0.001)
    assert (settings.features, settings.supervised, settings.mix, settings.buffer) == ("scaled", False, 1.0, 20)
    assert origins == dict.fromkeys(Settings.model_fields, "default")


def test_flag_beats_variable_beats_file_beats_default(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('window = 50\nthreshold = 3.0\nstrategy = "fedavg"\nsupervised = true\n')
    monkeypatch.setenv("FLEAD_THRESHOLD", "3.5")
    monkeypatch.setenv("FLEAD_STRATEGY", "other")
    monkeypatch.setenv("FLEAD_SEED", "7")
    settings, origins = load({"strategy": "fedbuff", "seed": None, "window": None}, file)

    names = ("window", "threshold", "strategy", "seed", "mix")
    assert {name: (getattr(settings, name), origins[name]) for name in names} == {
        "window": (50, str(file)),
        "threshold": (3.5, "FLEAD_THRESHOLD"),
        "strategy": ("fedbuff", "flag"),
        "seed": (7, "FLEAD_SEED"),
        "mix": (1.0, "default"),
    }
    assert settings.supervised


def test_the_file_is_looked_for_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flead.toml").write_text("seed = 3\n")
    monkeypatch.chdir(tmp_path)
    settings, origins = load()
    assert (settings.seed, origins["seed"]) == (3, "flead.toml")


def test_settings_that_are_made_directly_are_what_they_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flead.toml").write_text("seed = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEAD_SEED", "4")
    assert Settings().seed == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"window": "many"}, "window = 'many' (from flag): Input should be a valid integer"),
        ({"window": 1}, "window = 1 (from flag): Input should be greater than or equal to 2"),
        ({"devices": 0}, "devices = 0 (from flag): Input should be greater than or equal to 1"),
        ({"threshold": -1}, "threshold = -1 (from flag): Input should be greater than 0"),
        ({"threshold": float("inf")}, "threshold = inf (from flag): Input should be a finite number"),
        ({"learning_rate": "nan"}, "learning_rate = 'nan' (from flag): Input should be a finite number"),
        ({"mix": 1.5}, "mix = 1.5 (from flag): Input should be less than or equal to 1"),
        ({"features": "cooked"}, "features = 'cooked' (from flag): Input should be 'scaled' or 'raw'"),
        ({"web_port": 70_000}, "web_port = 70000 (from flag): Input should be less than or equal to 65535"),
        ({"no_such": 1}, "no_such = 1 (from flag): Extra inputs are not permitted"),
        ({"min_readings": 200}, "min_readings = 200 (from flag): more than window = 100 holds"),
        ({"window": 5}, "min_readings = 10 (from default): more than window = 5 holds"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_used_is_named_with_its_origin(flags: dict[str, Any], message: str, file: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        load(flags, file)


def test_the_origin_is_that_of_the_value_that_won(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("window = 'a'\n")
    with pytest.raises(SettingsError, match=re.escape(f"window = 'a' (from {file})")):
        load(file=file)
    monkeypatch.setenv("FLEAD_WINDOW", "b")
    with pytest.raises(SettingsError, match=re.escape("window = 'b' (from FLEAD_WINDOW)")):
        load(file=file)
    load({"window": 30}, file)


def test_a_password_is_never_shown(file: Path) -> None:
    file.write_text("database_password = 271828\n")
    with pytest.raises(SettingsError, match="database_password = ") as caught:
        load(file=file)
    assert "271828" not in str(caught.value)
    file.write_text("database_password = '271828'\n")
    settings, _ = load(file=file)
    assert "271828" not in repr(settings)
    assert settings.database_password.get_secret_value() == "271828"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"window = \n", "flead.toml: "),
        (b"windows = 50\nbuffers = 1\n", "flead.toml: no such setting: buffers, windows"),
        (b"[learning]\nwindow = 50\n", "flead.toml: no such setting: learning"),
        (b"data = '\xff'\n", "flead.toml: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named(content: bytes, message: str, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=re.escape(message)):
        load(file=file)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(str(tmp_path))):
        load(file=tmp_path)


def test_a_file_is_utf_8(file: Path) -> None:
    file.write_bytes("data = 'csv:Maße'\n".encode())
    assert load(file=file)[0].data == "csv:Maße"


def test_what_goes_wrong_is_an_error_of_the_user(file: Path) -> None:
    with pytest.raises(FleadError):
        load({"window": 0}, file)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().window = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")


def test_every_setting_is_in_one_section() -> None:
    in_sections = [name for section in SECTIONS.values() for name in fields_of(section)]
    assert sorted(in_sections) == sorted(Settings.model_fields)


def test_a_section_by_itself_has_its_fields_its_bounds_and_nothing_else() -> None:
    learning = SECTIONS["Learning"]
    assert learning().model_dump().keys() == set(fields_of(learning))
    with pytest.raises(ValueError, match="scoring would never start"):
        learning.model_validate({"window": 5})
    with pytest.raises(ValueError, match="Extra inputs"):
        learning.model_validate({"kafka_port": 1})
