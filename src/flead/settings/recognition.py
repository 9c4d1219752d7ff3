"""The settings of reading: what pins or changes the recogniser's guesses. `flead look` names those that matter."""

import codecs
import json
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator

from flead.settings.section import Section

TIME_FORMATS = ("s", "ms", "us", "ns", "excel", "day-first", "month-first", "year-first")


def _from_text(value: Any) -> Any:
    """A table in an environment variable is JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('not JSON such as {"temperature": [-40, 85]}') from None


Limits = Annotated[dict[str, tuple[float, float]], BeforeValidator(_from_text)]


class RecognitionSettings(Section):
    """How files and messages are read, where that is not to be found out."""

    separator: str | None = Field(
        None, min_length=1, max_length=1, description="What separates the cells of a line; unset: found out."
    )
    encoding: str | None = Field(None, description="The files' encoding, such as utf-8 or cp1252; unset: found out.")
    header_line: int | None = Field(
        None, ge=0, description="The number of the line that names the columns, 0 without one; unset: found out."
    )
    decimal: Literal[".", ","] | None = Field(None, description="The decimal sign; unset: found out.")
    time_column: str | None = Field(
        None, description="The column of times, or DATE + TIME where there are two; unset: found out."
    )
    time_format: str | None = Field(
        None,
        description="How times are written: s, ms, us or ns since 1970, excel, day-first, month-first, year-first, or a"
        " format of strptime such as %d.%m.%Y %H:%M; unset: found out.",
    )
    time_zone: str | None = Field(
        None,
        description="The zone of times that name none, such as Europe/Berlin; unset: what the header says, or UTC.",
    )
    device_column: str | None = Field(None, description="The column that names a row's device; unset: found out.")
    metric_column: str | None = Field(
        None, description="The column that names a row's channel, in a long table; unset: found out."
    )
    value_column: str | None = Field(None, description="The column of its value; unset: found out.")
    shape: Literal["wide", "long", "devices"] | None = Field(
        None,
        description="Whether columns are channels (wide), rows are single values (long), or columns are devices;"
        " unset: found out.",
    )
    booleans: bool = Field(False, description="Read on and off, true and false, open and closed as 1 and 0.")
    sentinels: bool = Field(
        True, description="Take values such as -127 or 65535, where a channel cannot have measured them, for absent."
    )
    limits: Limits = Field(
        {}, description="Lowest and highest value of a channel: what lies outside is absent. limits.NAME = [LOW, HIGH]."
    )

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, encoding: str | None) -> str | None:
        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except LookupError:
                raise ValueError("no encoding of this name is known") from None
        return encoding

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ValueError, OSError, KeyError):
                raise ValueError("no time zone of this name is known; an example is Europe/Berlin") from None
        return zone

    @field_validator("time_format")
    @classmethod
    def _is_time_format(cls, form: str | None) -> str | None:
        if form is not None and "%" not in form and form not in TIME_FORMATS:
            raise ValueError(f"neither a format with % nor one of {', '.join(TIME_FORMATS)}")
        return form

    @field_validator("limits")
    @classmethod
    def _are_limits(cls, limits: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for channel, (low, high) in limits.items():
            if not low < high:
                raise ValueError(f"{channel}: the lowest value is not below the highest")
        return limits
