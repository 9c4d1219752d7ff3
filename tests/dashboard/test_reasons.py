"""Why a reading was flagged, as a person reads it."""

import pytest

from flead.dashboard.formats import NONE
from flead.dashboard.reasons import expected, reason
from flead.storage.queries.rows import AnomalyRow


def anomaly(value: float, z_score: float, mean: float | None, std: float | None, threshold: float | None) -> AnomalyRow:
    return AnomalyRow("pump_1", 1, "pressure", value, z_score, "warning", "zscore", mean, std, threshold, 0)


@pytest.mark.parametrize(
    ("flagged", "sentence", "band"),
    [
        (
            anomaly(45.0, 19.333, 42.1, 0.15, 2.5),
            "pressure was 45.00 where 41.73 to 42.48 was expected:"
            " 19.33 standard deviations above its recent mean of 42.10.",
            "41.73 to 42.48",
        ),
        (
            anomaly(1_762_433_851.0, -3.0, 1_762_528_951.0, 31_700.0, 2.5),
            "pressure was 1,762,433,851 where 1,762,449,701 to 1,762,608,201 was expected:"
            " 3.00 standard deviations below its recent mean of 1,762,528,951.",
            "1,762,449,701 to 1,762,608,201",
        ),
        (
            anomaly(43.0, 23_752.97, 42.1, 4.21e-5, 2.5),
            "pressure was 43, though the readings before it did not move from 42.1.",
            "42.099895 to 42.100105",
        ),
        (
            anomaly(7.0, 0.91, None, None, 0.5),
            "pressure was 7: zscore scored it 0.91, above the threshold of 0.5.",
            "–",
        ),
        (anomaly(7.0, 0.91, None, None, None), "pressure was 7: zscore scored it 0.91.", "–"),
    ],
    ids=["above", "below, at a large magnitude", "a constant sensor", "another detector", "without a threshold"],
)
def test_reason(flagged: AnomalyRow, sentence: str, band: str) -> None:
    assert reason(flagged) == sentence
    assert expected(flagged) == band


def test_a_level_that_has_moved_names_the_channels_that_did_it() -> None:
    flagged = AnomalyRow(
        "pump_1", 1, "flow", 33.0, -4.5, "warning", "drift", 40.0, 0.5, 1.0, 0,
        {"flow": 0.61, "pressure": 0.3, "current": 0.08, "voltage": 0.01},
    )  # fmt: skip
    assert reason(flagged) == (
        "The level of flow is 37.75 where 40.00 is usual, 4.50 times as far off as it wanders. "
        "Shares in the alarm: flow 61%, pressure 30%, current 8%."
    )
    assert expected(flagged) == NONE


def test_several_channels_share_the_blame() -> None:
    shares = {"flow": 0.25, "pressure": 0.7, "level": 0.05}
    flagged = AnomalyRow("a", 1, "pressure", 9.0, 4.0, "warning", "tail", 1.0, 0.5, 2.5, 0, shares)
    assert reason(flagged).endswith(" The score is 70% from pressure, 25% from flow.")
