"""Alarms by hand, and what explains them."""

from typing import Any

import polars as pl
import pytest

import flead

CALM = [0.0, 2.0] * 10
"""Mean 1, standard deviation 1."""


def observed(values: list[float], **settings: Any) -> flead.Detector:
    detector = flead.Detector(**{"learner": "zscore", **settings})
    detector.observe(pl.DataFrame({"bar": values}))
    return detector


def test_a_warning_alone_is_no_alarm_and_a_critical_reading_is_one():
    assert observed([*CALM, 4.0]).alarms.height == 0
    (alarm,) = observed([*CALM, 11.0]).alarms.iter_rows(named=True)
    assert (alarm["device"], alarm["readings"], alarm["severity"], alarm["channel"]) == ("device", 1, "critical", "bar")
    assert (alarm["value"], alarm["z_score"], alarm["mean"], alarm["std"], alarm["threshold"]) == (11, 10, 1, 1, 2.5)
    assert alarm["start"] == alarm["end"] == alarm["worst_at"]
    assert alarm["start"].timestamp() == 20


def test_readings_that_follow_closely_are_one_alarm():
    values = [*CALM, 11.0, *CALM, *CALM, -9.0, 11.0]
    alarms = observed(values).alarms
    assert alarms.select("readings", alarms["start"].dt.epoch("s"), alarms["end"].dt.epoch("s")).rows() == [
        (1, 20, 20),
        (2, 61, 62),
    ]
    assert observed(values, alarm_gap=60).alarms["readings"].to_list() == [3]


def test_of_a_paced_learner_every_event_is_an_alarm():
    detector = flead.Detector("tail", alarms_per_day=100)
    scored = detector.observe(flead.simulate(devices=10, seconds=3600))
    alarms = detector.alarms
    assert 0 < alarms.height <= scored["anomaly"].sum() == alarms["readings"].sum()
    assert alarms["readings"].min() == 1


def test_an_alarm_is_explained_by_its_number_or_its_row():
    detector = observed([*CALM, 11.0])
    alarms = detector.alarms
    said = "bar was 11.0 where -1.5 to 3.5 was expected: 10.00 standard deviations above its recent mean of 1.0."
    assert [detector.explain(each) for each in (0, alarms.row(0, named=True), alarms.to_pandas().iloc[0])] == [said] * 3
    with pytest.raises(flead.FleadError, match="no alarm 1: there are 1, counted from 0"):
        detector.explain(1)
    for wrong in ("bar", {"device": "device"}, None):
        with pytest.raises(flead.FleadError, match="a row of alarms, or its number"):
            detector.explain(wrong)  # type: ignore[arg-type]
    with pytest.raises(flead.FleadError, match="has not raised this alarm"):
        detector.explain({**alarms.row(0, named=True), "z_score": 9.0})


def test_a_learner_that_judges_by_several_channels_says_which():
    fleet = flead.simulate(devices=4, seconds=1200)
    detector = flead.Detector("drift", training_rows=100, local=True)
    detector.observe(fleet)
    shares = [detector.explain(alarm) for alarm in detector.alarms.iter_rows(named=True)]
    assert any("Shares in the alarm: vibration" in said for said in shares)
