"""What a user has settled: guesses that the recogniser need not make."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flead.settings.readings import ReadingsSettings


@dataclass(frozen=True)
class Pins:
    """Settings of reading; what is unset is found out."""

    channel: str | None = None
    separator: str | None = None
    encoding: str | None = None
    header_line: int | None = None
    decimal: str | None = None
    time_column: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    device_column: str | None = None
    metric_column: str | None = None
    value_column: str | None = None
    shape: str | None = None
    booleans: bool = False
    sentinels: bool = True
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    label: str = "label"
    """The column of ground truth; of data sets, not of a setting."""
    ignored: frozenset[str] = frozenset()
    """Columns that are no channels; the same."""


def pins_of(settings: ReadingsSettings) -> Pins:
    """What the settings pin."""
    return Pins(
        channel=settings.channel,
        separator=settings.separator,
        encoding=settings.encoding,
        header_line=settings.header_line,
        decimal=settings.decimal,
        time_column=settings.time_column,
        time_format=settings.time_format,
        time_zone=settings.time_zone,
        device_column=settings.device_column,
        metric_column=settings.metric_column,
        value_column=settings.value_column,
        shape=settings.shape,
        booleans=settings.booleans,
        sentinels=settings.sentinels,
        limits=settings.limits,
    )
