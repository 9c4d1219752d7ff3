"""Charts, drawn as SVG so that they take their colours from the page's theme as everything else does."""

from typing import Any

from nicegui import ui

from flead.dashboard.components.elements import Text, set_visible

Options = dict[str, Any]

MUTED = "var(--muted)"
TIMES = {
    "year": "{yyyy}",
    "month": "{MMM} {yyyy}",
    "day": "{d} {MMM}",
    "hour": "{HH}:{mm}",
    "minute": "{HH}:{mm}",
    "second": "{HH}:{mm}:{ss}",
    "millisecond": "{HH}:{mm}:{ss}.{SSS}",
    "none": "{HH}:{mm}:{ss}",
}
"""Labels of a time axis by how far apart they are; in the viewer's zone."""
TOOLTIP: Options = {
    "trigger": "axis",
    "confine": True,
    "className": "chart-tip",
    "padding": 0,
    "borderWidth": 0,
    "backgroundColor": "transparent",
    "extraCssText": "box-shadow: none",
    "axisPointer": {
        "type": "line",
        "lineStyle": {"color": MUTED, "type": "solid", "width": 1},
        "label": {"show": False},
    },
}
BASE: Options = {
    "animation": False,
    "textStyle": {"fontFamily": "Roboto, system-ui, sans-serif"},
    "tooltip": TOOLTIP,
}


class Chart:
    """A chart that is sent again only when its data changed, and a sentence in its place when there is none.

    ``label`` says to those who cannot see it what it shows. No key of the options may come from outside: NiceGUI
    runs the values of those that begin with a colon as JavaScript.
    """

    def __init__(self, label: str, empty: str, height: str = "15rem") -> None:
        self._chart = ui.echart({**BASE}, renderer="svg").style(f"height: {height}")
        self._chart.props.update({"role": "img", "aria-label": label})
        self._empty = Text("p", empty, "empty")
        self._shown: Options | None = None
        self.show(None)

    def show(self, options: Options | None) -> None:
        """Draw these options over the common ones; None is no data."""
        if options is not None and options != self._shown:
            self._shown = options
            self._chart.options.clear()
            self._chart.options.update(BASE | options)
            self._chart.update()
        set_visible(self._chart, options is not None)
        set_visible(self._empty, options is None)

    def set_height(self, height: str) -> None:
        """Make the chart higher or lower."""
        self._chart.style(f"height: {height}")


def value_axis(**more: Any) -> Options:
    """A vertical axis: faint lines, quiet labels."""
    axis: Options = {
        "type": "value",
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "axisLabel": {"color": MUTED, "fontSize": 11, "hideOverlap": True},
        "splitLine": {"lineStyle": {"color": "var(--line)"}},
        "splitNumber": 4,
    }
    return axis | more


def base_axis(kind: str, **more: Any) -> Options:
    """A horizontal axis."""
    axis: Options = {
        "type": kind,
        "axisLine": {"lineStyle": {"color": "var(--line)"}},
        "axisTick": {"show": False},
        "axisLabel": {"color": MUTED, "fontSize": 11, "hideOverlap": True}
        | ({"formatter": TIMES} if kind == "time" else {}),
        "splitLine": {"show": False},
    }
    return axis | more


def line(name: str, data: list[Any], color: str, **more: Any) -> Options:
    """A line without symbols."""
    series: Options = {
        "type": "line",
        "name": name,
        "data": data,
        "showSymbol": len(data) == 1,
        "symbol": "circle",
        "symbolSize": 5,
        "lineStyle": {"color": color, "width": 1.75},
        "itemStyle": {"color": color},
        "emphasis": {"disabled": True},
    }
    return series | more


def bars(name: str, data: list[Any], color: str, **more: Any) -> Options:
    """Bars upon a time axis."""
    series: Options = {
        "type": "bar",
        "name": name,
        "data": data,
        "itemStyle": {"color": color},
        "barMaxWidth": 12,
        "emphasis": {"disabled": True},
    }
    return series | more


def legend(*names: str) -> Options:
    """A legend at the top left."""
    return {
        "data": list(names),
        "left": 0,
        "top": 0,
        "icon": "roundRect",
        "itemWidth": 10,
        "itemHeight": 3,
        "itemGap": 14,
        "textStyle": {"color": MUTED, "fontSize": 11},
        "inactiveColor": "var(--line)",
    }
