"""What the dashboards are made of: a query of the store, and panels and variables around one."""

from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import BigValueGraphMode, GraphDrawStyle, StackingMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DynamicConfigValue, VariableRefresh

TYPE, SOURCE = "grafana-postgresql-datasource", "flead"
STORE = DataSourceRef(TYPE, SOURCE)

COUNT, SHARE, SECONDS, BYTES = "short", "percentunit", "s", "bytes"
"""Units: a number, a share from 0 to 1, seconds, bytes."""
AMBER, RED = "#E69F00", "#D55E00"
"""Of warnings and criticals: told apart by those who do not see red and green."""


class Sql(Builder[Dataquery], Dataquery):
    """A query of the data source, whose plugin the Foundation SDK has no type for."""

    def __init__(self, sql: str, series: bool = False) -> None:
        self._sql = sql.strip()
        self._format = "time_series" if series else "table"

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, Any]:
        """As Grafana's PostgreSQL plugin reads it."""
        query = {"rawSql": self._sql, "rawQuery": True, "format": self._format, "editorMode": "code"}
        return {"datasource": STORE, "refId": "A"} | query


def number(title: str, description: str, sql: str, unit: str = COUNT, width: int = 6) -> stat.Panel:
    """The numbers of one row, large."""
    panel = stat.Panel().title(title).description(description).datasource(STORE).with_target(Sql(sql))
    return panel.unit(unit).graph_mode(BigValueGraphMode.NONE).no_value("none yet").height(4).span(width)


def chart(
    title: str,
    description: str,
    sql: str,
    unit: str = COUNT,
    *,
    colors: Mapping[str, str] | None = None,
    interval: str = "1m",
    stacked: bool = False,
    width: int = 12,
) -> timeseries.Panel:
    """Lines over time, or bars one on the other; no finer than ``interval``."""
    panel = timeseries.Panel().title(title).description(description).datasource(STORE)
    panel = panel.with_target(Sql(sql, series=True)).unit(unit).interval(interval).height(8).span(width)
    if unit == SHARE:
        panel = panel.min(0).max(1)
    if stacked:
        stacking = common.StackingConfig().mode(StackingMode.NORMAL)
        panel = panel.draw_style(GraphDrawStyle.BARS).fill_opacity(70).stacking(stacking)
    for name, color in (colors or {}).items():
        panel = panel.override_by_name(name, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})])
    return panel


def rows(
    title: str, description: str, sql: str, units: Mapping[str, str] | None = None, width: int = 12
) -> table.Panel:
    """A table, with units by column."""
    panel = table.Panel().title(title).description(description).datasource(STORE).with_target(Sql(sql))
    for name, unit in (units or {}).items():
        panel = panel.override_by_name(name, [DynamicConfigValue("unit", unit)])
    return panel.height(9).span(width)


def variable(name: str, label: str, sql: str, everything: str | None = None) -> dashboard.QueryVariable:
    """A choice above the dashboard; with ``everything``, of several values, all at first, which stand for that SQL."""
    chosen = dashboard.QueryVariable(name).label(label).datasource(STORE).query(sql)
    chosen = chosen.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    return chosen if everything is None else chosen.multi(True).include_all(True).all_value(everything)


BROKER = variable(
    "broker",
    "Broker",
    "SELECT broker_id FROM broker_totals ORDER BY broker_id",
    everything="SELECT broker_id FROM broker_totals",
)
"""The brokers shown; in a query ``IN (${broker:csv})``."""


VERSIONS = """
WITH versions AS (
    SELECT global_version, accuracy, $__timeGroup(created_at, $__interval) AS moment
    FROM federated_models WHERE $__timeFilter(created_at)),
tested AS (
    SELECT * FROM versions JOIN evaluation_counts ON model_version = global_version
    WHERE model_version BETWEEN (SELECT min(global_version) FROM versions)
                            AND (SELECT max(global_version) FROM versions))
"""
"""The global models of the time shown, each with the beginning of its interval, and their counts by broker.

The bounds on the version are what makes the database read a part of the counts instead of all.
"""


def page(uid: str, title: str, description: str) -> dashboard.Dashboard:
    """An empty dashboard: the last hour, anew every five seconds, times as the browser's."""
    links = dashboard.DashboardLink("FLEAD").tags(["flead"]).as_dropdown(True).keep_time(True)
    made = dashboard.Dashboard(title).uid(uid).description(description).tags(["flead"]).link(links)
    return made.refresh("5s").time("now-1h", "now").timezone("browser").readonly()
