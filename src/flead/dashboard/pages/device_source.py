"""The card of a device's source: what its files were understood as, and what of them was left out."""

from flead.dashboard.components.elements import Card, Text, set_visible
from flead.dashboard.components.table import Row, Table, column
from flead.dashboard.formats import count, figure
from flead.ingest.recognise.device_source import DeviceSource

_COLUMNS = [
    column("what", "What"),
    column("value", "Understood as", "prose"),
    column("reason", "Because", "prose", narrow=False),
    column("setting", "flead.toml", "code", narrow=False),
]


class SourceCard(Card):
    """What a device's files were understood as; hidden where its readings come from elsewhere."""

    def __init__(self) -> None:
        super().__init__("Source", 12, "what its files were understood as, and the setting that changes it")
        with self:
            self._faults = Text("p", "", "empty")
            self._table = Table("Source", _COLUMNS, "Nothing is known of the source.")
        set_visible(self, False)

    def show(self, source: DeviceSource | None) -> None:
        """Show this, or nothing."""
        set_visible(self, source is not None)
        if source is None:
            return
        faults = ", ".join(source.sensor_faults)
        self._faults.set_text(
            f"Sensor fault: {faults} has said, with a value of its own, that it has none." if faults else ""
        )
        set_visible(self._faults, bool(faults))
        self._table.show(_rows(source))


def _rows(source: DeviceSource) -> list[Row]:
    files = ", ".join(source.files[:3]) + (f" and {source.file_count - 3} more" if source.file_count > 3 else "")
    rows = [_row("files", files, f"of {source.source}", "")]
    rows += [_row(guess.what, guess.value, guess.reason, guess.setting) for guess in source.guesses]
    for channel in source.channels:
        spread = ""
        if channel.lowest is not None and channel.highest is not None:
            spread = f"{figure(channel.lowest, 4)} to {figure(channel.highest, 4)} {channel.unit}".strip()
        rows.append(_row(f"channel {channel.name}", spread, f"{count(channel.values)} values in all files", ""))
    rows += [_row(f"left out: {out.column}", "no channel", f"it {out.reason}", out.setting) for out in source.left_out]
    for cells in source.absent:
        examples = f", such as {', '.join(cells.examples)}" if cells.examples else ""
        rows.append(_row(f"absent: {cells.column}", f"{count(cells.count)} cells", cells.reason + examples, ""))
    return rows + [_row("warning", warning, "", "") for warning in source.warnings]


def _row(what: str, value: str, reason: str, setting: str) -> Row:
    return {"key": what, "what": what, "value": value, "reason": reason, "setting": setting}
