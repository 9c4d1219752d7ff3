"""Another learner is no slip: who starts a platform with one is asked. So is who would lose what was saved."""

import json
from pathlib import Path

import pytest

from flead.errors import FleadError
from flead.layout import Layout
from flead.settings import Settings
from flead.stack.errors import StackError
from flead.stack.learnt import agree


def test_another_learner_is_refused_until_the_devices_may_forget(tmp_path: Path) -> None:
    zscore, drift = (Settings(data_dir=tmp_path, learner=learner) for learner in ("zscore", "drift"))
    agree(zscore, forget=False)
    agree(zscore.model_copy(update={"threshold": 4.0}), forget=False)  # no state depends on it
    with pytest.raises(StackError, match=r"learner zscore.*not learner drift.*--forget-training"):
        agree(drift, forget=False)
    agree(zscore, forget=False)
    agree(drift, forget=True)
    agree(drift, forget=False)
    with pytest.raises(StackError, match=r"training_rows 400, not learner drift, training_rows 100"):
        agree(drift.model_copy(update={"training_rows": 100}), forget=False)


def test_another_engine_is_refused_until_the_devices_may_forget(tmp_path: Path) -> None:
    flink, kafka = Settings(data_dir=tmp_path), Settings(data_dir=tmp_path, engine="kafka")
    agree(flink, forget=False)
    with pytest.raises(StackError, match=r"--forget-training"):
        agree(kafka, forget=False)
    agree(kafka, forget=True)
    with pytest.raises(StackError, match=r"learner zscore, engine kafka, window 100.*not learner zscore, window 100"):
        agree(flink, forget=False)


def test_what_another_version_has_saved_is_not_forgotten_unasked(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    agree(settings, forget=False)
    note = Layout.of(settings).learnt
    learnt = json.loads(note.read_text())
    del learnt["job"]  # as the first versions wrote it
    note.write_text(json.dumps(learnt))
    with pytest.raises(StackError, match=r"format 1, not 2.*--forget-training.*number their trainings from 1"):
        agree(settings, forget=False)
    agree(settings, forget=True)
    agree(settings, forget=False)


def test_a_learner_that_there_is_not_is_said(tmp_path: Path) -> None:
    with pytest.raises(FleadError, match="no learner 'nobody': there are"):
        agree(Settings(data_dir=tmp_path, learner="nobody"), forget=True)
    assert not list(tmp_path.iterdir())
