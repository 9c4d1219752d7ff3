"""How a device has learnt: the accuracy and the loss of its model by version."""

from flead.dashboard.components.chart import MUTED, TOOLTIP, Chart, base_axis, legend, line, value_axis
from flead.dashboard.components.elements import Card
from flead.dashboard.components.table import Table, column
from flead.dashboard.formats import count, figure, percent
from flead.storage.rows import DeviceModel

ROWS = 8
NOT_TRAINED = "Not trained yet: a device trains on 50 readings, or on fewer after a minute."
NOTE = "of each batch, before it was trained on"
_TIP = """(points) => {
    const rows = points.map((point) => {
        const text = point.seriesName === "Accuracy" ? point.value[1].toFixed(1) + "%" : point.value[1];
        return `<div><i style="background:${point.color}"></i>${point.seriesName}<b>${text}</b></div>`;
    });
    return `<div class="tip"><p>Version ${points[0].value[0]}</p>${rows.join("")}</div>`;
}"""
_COLUMNS = [
    column("version", "Version"),
    column("from", "From global", "number", hint="The global model that the training started from"),
    column("samples", "Readings", "number", narrow=False, hint="Readings of the batch"),
    column("accuracy", "Accuracy", "number"),
    column("loss", "Loss", "number", hint="Binary cross-entropy"),
    column("time", "Trained at", "time", narrow=False),
]


class Learning:
    """Two cards: a chart of the versions, and a table of the newest."""

    def __init__(self) -> None:
        with Card("Accuracy and loss by version", 6, NOTE):
            self._chart = Chart("Lines: accuracy and loss by version of the device's model", NOT_TRAINED, "18rem")
        with Card("Newest versions", 6):
            self._table = Table("Newest versions", _COLUMNS, NOT_TRAINED)

    def show(self, models: list[DeviceModel]) -> None:
        """``models`` are newest first."""
        self._table.show([_row(model) for model in models[:ROWS]])
        if not models:
            self._chart.show(None)
            return
        accuracies = [[model.model_version, round(100 * model.accuracy, 2)] for model in reversed(models)]
        losses = [[model.model_version, round(model.loss, 5)] for model in reversed(models)]
        label = value_axis()["axisLabel"]
        self._chart.show(
            {
                "grid": {"left": 4, "right": 4, "top": 34, "bottom": 4, "containLabel": True},
                "legend": legend("Accuracy", "Loss"),
                "xAxis": base_axis("value", min="dataMin", max="dataMax", minInterval=1),
                "yAxis": [
                    value_axis(scale=True, max=100, axisLabel={**label, "formatter": "{value}%"}),
                    value_axis(min=0, splitLine={"show": False}),
                ],
                "tooltip": TOOLTIP | {":formatter": _TIP},
                "series": [
                    line("Accuracy", accuracies, "var(--accent)"),
                    line("Loss", losses, MUTED, yAxisIndex=1, lineStyle={"color": MUTED, "width": 1.25}),
                ],
            }
        )


def _row(model: DeviceModel) -> dict[str, object]:
    return {
        "key": model.model_version,
        "version": count(model.model_version),
        "from": f"v{model.global_version}" if model.global_version else "none",
        "samples": count(model.samples_processed),
        "accuracy": percent(model.accuracy),
        "loss": figure(model.loss, 3),
        "time": model.created_at,
    }
