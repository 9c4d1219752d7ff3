"""Two charts of the overview: trainings per minute, and the global models' accuracy."""

from flead.dashboard.components.chart import TOOLTIP, Chart, Options, bars, base_axis, legend, line, value_axis
from flead.dashboard.components.elements import Card
from flead.dashboard.formats import count
from flead.storage.queries.rows import MinuteAnomalies, MinuteModels, TrendPoint

_TIP = """(points) => {
    const rows = points.filter((point) => point.value[1] != null).map((point) =>
        `<div><i style="background:${point.color}"></i>${point.seriesName}<b>${%s}</b></div>`);
    return `<div class="tip"><p>${%s}</p>${rows.join("")}</div>`;
}"""
_RATE_TIP = _TIP % ("point.value[1]", "flead.local(points[0].value[0])")
_TREND_TIP = _TIP % ("point.value[1].toFixed(1) + '%'", "`Version ${points[0].value[0]}`")


class TrainingRate(Card):
    """Local models made in each of the last minutes of event time."""

    def __init__(self) -> None:
        super().__init__("Model training rate (per minute)", 6)
        with self:
            self._chart = Chart(
                "Bars: local models made in each of the last 60 minutes",
                "No trainings yet: a device trains on 50 readings.",
            )

    def show(self, minutes: list[MinuteModels]) -> None:
        """``minutes`` are oldest first; the newest is not over yet."""
        if not any(minute.models for minute in minutes):
            self._chart.show(None)
            return
        whole = minutes[-2].models if len(minutes) > 1 else 0
        self.note.set_text(f"{count(whole)} in the last full minute, {count(minutes[-1].models)} in this one so far")
        self._chart.show(
            {
                "grid": {"left": 4, "right": 8, "top": 10, "bottom": 4, "containLabel": True},
                "xAxis": base_axis("time"),
                "yAxis": value_axis(minInterval=1),
                "tooltip": _tooltip(_RATE_TIP),
                "series": [bars("Models", [[minute.minute, minute.models] for minute in minutes], "var(--accent)")],
            }
        )


class AnomalyRate:
    """Anomalies of each of the last minutes of event time, by severity."""

    def __init__(self) -> None:
        self._chart = Chart("Bars: anomalies in each of the last 60 minutes", "No anomaly in the last hour.", "13rem")

    def show(self, minutes: list[MinuteAnomalies]) -> None:
        """``minutes`` are oldest first."""
        if not any(minute.warnings or minute.criticals for minute in minutes):
            self._chart.show(None)
            return
        warnings = [[minute.minute, minute.warnings] for minute in minutes]
        criticals = [[minute.minute, minute.criticals] for minute in minutes]
        self._chart.show(
            {
                "grid": {"left": 4, "right": 8, "top": 34, "bottom": 4, "containLabel": True},
                "legend": legend("Warnings per minute", "Critical per minute"),
                "xAxis": base_axis("time"),
                "yAxis": value_axis(minInterval=1, splitNumber=3),
                "tooltip": _tooltip(_RATE_TIP),
                "series": [
                    bars("Warnings per minute", warnings, "var(--warning)", stack="all"),
                    bars("Critical per minute", criticals, "var(--critical)", stack="all"),
                ],
            }
        )


class AccuracyTrend(Card):
    """The accuracy that devices report, beside the measured one and the majority class's, by version."""

    def __init__(self, span: int = 6) -> None:
        super().__init__("Global model accuracy trend", span)
        with self:
            self._chart = Chart(
                "Lines: accuracy of the global models, as reported and as measured, and of the majority class",
                "No global model yet: the first comes when enough different devices have trained.",
            )

    def show(self, trend: list[TrendPoint]) -> None:
        """``trend`` is oldest first."""
        if not trend:
            self._chart.show(None)
            return
        reported = [[point.version, _percent(point.reported_accuracy)] for point in trend]
        measured = [[point.version, _percent(point.accuracy)] for point in trend]
        majority = [[point.version, _percent(point.majority_accuracy)] for point in trend]
        dashed = {"color": "var(--muted)", "width": 1.25, "type": "dashed"}
        self.note.set_text(f"the last {count(len(trend))} versions" if len(trend) > 1 else "")
        self._chart.show(
            {
                "grid": {"left": 4, "right": 12, "top": 34, "bottom": 4, "containLabel": True},
                "legend": legend("Reported", "Measured", "Majority class"),
                "xAxis": base_axis("value", min="dataMin", max="dataMax", minInterval=1),
                "yAxis": value_axis(
                    scale=True, max=100, axisLabel={**value_axis()["axisLabel"], "formatter": "{value}%"}
                ),
                "tooltip": _tooltip(_TREND_TIP),
                "series": [
                    line("Reported", reported, "var(--accent)"),
                    line("Measured", measured, "var(--good)", connectNulls=True),
                    line("Majority class", majority, "var(--muted)", lineStyle=dashed, connectNulls=True),
                ],
            }
        )


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _tooltip(formatter: str) -> Options:
    return TOOLTIP | {":formatter": formatter}
