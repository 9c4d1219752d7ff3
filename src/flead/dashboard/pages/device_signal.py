"""A device's signal: one panel a channel, under one another on one time axis, with the band and the anomalies."""

import math
from collections.abc import Sequence

from flead.dashboard.components.chart import MUTED, TOOLTIP, Chart, Options, base_axis, line, value_axis
from flead.storage.queries.rows import AnomalyRow, DeviceRow, SignalPoint

MINUTE = 60_000
RANGES = (
    ("", "Newest readings"),
    (str(15 * MINUTE), "Last 15 minutes"),
    (str(60 * MINUTE), "Last hour"),
    (str(6 * 60 * MINUTE), "Last 6 hours"),
    (str(24 * 60 * MINUTE), "Last 24 hours"),
    (str(7 * 24 * 60 * MINUTE), "Last 7 days"),
)
NEWEST_POINTS = 300
"""A channel, where no range is chosen."""
MAX_POINTS = 6000
"""In all; more would be slower to draw, and finer than a screen."""

PANEL, GAP, FOOT = 150, 34, 52
"""Heights in pixels: of a channel's panel, of its title, of what is under the last."""

# The number texts are made in the browser: sending them for every point would double what is sent.
_TIP = """(points) => {
    const write = (number) => Number(number.toPrecision(6)).toLocaleString("en", {maximumSignificantDigits: 10});
    const rows = points.map((point) => {
        const [, value, low, high] = point.value;
        if (point.seriesId.startsWith("value") && value != null) {
            const band = low == null ? "" : `<small>${write(low)} to ${write(high)}</small>`;
            return `<div><i style="background:var(--accent)"></i>${flead.escape(point.seriesName)}`
                + `<b>${write(value)}</b>${band}</div>`;
        }
        if (point.seriesId.startsWith("anomaly")) {
            const [, , z, severity] = point.value;
            return `<div><i style="background:var(--${severity})"></i>${severity}<b>z ${z.toFixed(2)}</b></div>`;
        }
        return "";
    });
    return `<div class="tip"><p>${flead.local(points[0].value[0])}</p>${rows.join("")}</div>`;
}"""


def extent(device: DeviceRow, chosen: str) -> tuple[int | None, int]:
    """From when, in milliseconds, and how many points to ask for; ``chosen`` is one of ``RANGES``."""
    if chosen in dict(RANGES[1:]):
        return device.last_seen - int(chosen), MAX_POINTS
    return None, min(NEWEST_POINTS * max(len(device.channels), 1), MAX_POINTS)


class Signal:
    """The chart of the signal."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._chart = Chart(
            "The device's readings by channel, with the band of normal values and the anomalies",
            "No readings are stored for this time. For a large fleet only some are kept: see signal_rows_per_second.",
        )

    def show(self, channels: Sequence[str], points: Sequence[SignalPoint], anomalies: Sequence[AnomalyRow]) -> None:
        """Draw the points, oldest first, and the anomalies."""
        if not points:
            self._chart.show(None)
            return
        self._chart.set_height(f"{len(channels) * (PANEL + GAP) + FOOT}px")
        self._chart.show(_options(channels, points, anomalies, self._threshold))


def _options(
    channels: Sequence[str], points: Sequence[SignalPoint], anomalies: Sequence[AnomalyRow], threshold: float
) -> Options:
    every = list(range(len(channels)))
    title = {"color": "var(--text)", "fontSize": 12, "fontWeight": 500}
    tops = [number * (PANEL + GAP) + GAP for number in every]
    newest, oldest = points[-1].timestamp, points[0].timestamp
    last = every[-1:]
    time_axes = [
        base_axis("time", gridIndex=number, min=oldest, max=newest, show=True)
        | ({} if [number] == last else {"axisLabel": {"show": False}})
        for number in every
    ]
    series: list[Options] = []
    for number, channel in enumerate(channels):
        own = [point for point in points if point.channel == channel]
        flagged = [anomaly for anomaly in anomalies if anomaly.channel == channel]
        series += _panel(number, channel, own, flagged, threshold)
    return {
        "title": [
            {"text": channel, "left": 0, "top": top - 26, "textStyle": title}
            for channel, top in zip(channels, tops, strict=True)
        ],
        "grid": [{"left": 58, "right": 12, "top": top, "height": PANEL - 10} for top in tops],
        "xAxis": time_axes,
        "yAxis": [value_axis(gridIndex=number, scale=True, splitNumber=3) for number in every],
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "tooltip": TOOLTIP | {":formatter": _TIP},
        "dataZoom": [
            {"type": "inside", "xAxisIndex": every, "filterMode": "none", "zoomOnMouseWheel": "ctrl",
             "moveOnMouseWheel": False},
            {"type": "slider", "xAxisIndex": every, "filterMode": "none", "bottom": 4, "height": 16, "left": 58,
             "right": 12, "showDetail": False, "borderColor": "var(--line)", "backgroundColor": "transparent",
             "fillerColor": "var(--wash)", "handleStyle": {"color": "var(--surface)", "borderColor": MUTED},
             "moveHandleSize": 0, "dataBackground": {"lineStyle": {"opacity": 0}, "areaStyle": {"opacity": 0}},
             "selectedDataBackground": {"lineStyle": {"opacity": 0}, "areaStyle": {"opacity": 0}},
             "brushSelect": False},
        ],
        "series": series,
    }  # fmt: skip


def _panel(
    number: int, channel: str, points: Sequence[SignalPoint], anomalies: Sequence[AnomalyRow], threshold: float
) -> list[Options]:
    values, lows, widths, means = [], [], [], []
    for point in points:
        at, value, mean, std = point.timestamp, _short(point.value), _short(point.mean), _short(point.std)
        low = None if mean is None or std is None else _short(mean - threshold * std)
        high = None if mean is None or std is None else _short(mean + threshold * std)
        values.append([at, value, low, high])
        lows.append([at, low])
        widths.append([at, None if low is None or high is None else _short(high - low)])
        means.append([at, mean])
    place = {"xAxisIndex": number, "yAxisIndex": number}
    # The band is two stacked areas: an unseen one up to its lower edge, and its width upon that.
    band = {"stack": f"band {number}", "stackStrategy": "all", "symbol": "none", "silent": True, **place}
    unseen = {"lineStyle": {"opacity": 0}}
    return [
        line("low", lows, "transparent", id=f"low {number}", **band | unseen),
        line("band", widths, "transparent", id=f"band {number}", areaStyle={"color": "var(--band)"}, **band | unseen),
        line("mean", means, MUTED, id=f"mean {number}", lineStyle={"color": MUTED, "width": 1, "type": "dashed"},
             symbol="none", silent=True, **place),
        line(channel, values, "var(--accent)", id=f"value {number}", z=3, **place),
        {
            "type": "scatter",
            "id": f"anomaly {number}",
            "name": "anomalies",
            "symbolSize": 8,
            "z": 4,
            "emphasis": {"disabled": True},
            "data": [
                {
                    "value": [a.timestamp, _short(a.value), _short(a.z_score), _color(a)],
                    "itemStyle": {"color": f"var(--{_color(a)})", "borderColor": "var(--surface)", "borderWidth": 1.5},
                }
                for a in anomalies
            ],
            **place,
        },
    ]  # fmt: skip


def _color(anomaly: AnomalyRow) -> str:
    return "critical" if anomaly.severity == "critical" else "warning"


def _short(number: float | None) -> float | None:
    """Ten significant digits: no eye sees more, and they halve what is sent."""
    return float(f"{number:.10g}") if number is not None and math.isfinite(number) else None
