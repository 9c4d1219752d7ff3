"""How a device has learnt: the accuracy and the loss of its model by version."""

from flead.dashboard.components.chart import MUTED, TOOLTIP, Chart, base_axis, legend, line, value_axis
from flead.dashboard.components.elements import Card
from flead.dashboard.components.table import Table, column
from flead.dashboard.formats import count, figure, percent
from flead.storage.parameters import Difference, differences
from flead.storage.queries.rows import DeviceModel, ModelParameters

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
        with Card("Weights beside the global ones", 12) as card:
            card.classes("compare")
            self._weights_note = card.note
            self._weights = Table("Weights beside the global ones", _WEIGHTS, NOT_TRAINED)

    def show_weights(self, own: ModelParameters | None, shared: ModelParameters | None) -> None:
        """The device's newest parameters, and those of the newest global model."""
        self._weights.show([_weight(one) for one in differences(shared.parameters if shared else {}, own.parameters)]
                           if own else [])  # fmt: skip
        self._weights_note.set_text(
            f"v{own.version} of the device, v{shared.version} of the global model" if own and shared else ""
        )

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


_WEIGHTS = [
    column("name", "Parameter", "code"),
    column("own", "Device", "number"),
    column("shared", "Global", "number"),
    column("change", "Difference", "number"),
]


def _weight(one: Difference) -> dict[str, object]:
    return {
        "key": one.name,
        "name": one.name,
        "own": figure(one.second, 5),
        "shared": figure(one.first, 5),
        "change": figure(one.change, 3),
    }


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
