"""Settings as keyword arguments: the same names, bounds and defaults as everywhere in FLEAD."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flead.errors import FleadError
from flead.settings import Settings


def settings_of(given: Mapping[str, Any]) -> Settings:
    """The defaults with what was given; neither ``flead.toml`` nor the environment is read.

    FleadError for a setting that does not exist, or that cannot have this value.

    >>> settings_of({"window": 50}).window
    50
    """
    unknown = sorted(given.keys() - Settings.model_fields.keys())
    if unknown:
        raise FleadError(f"no such setting: {', '.join(unknown)}; docs/settings.md lists them all")
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = first["loc"][0] if first["loc"] else "settings"
        message = first["msg"].removeprefix("Value error, ")
        raise FleadError(f"{name} = {first['input']!r}: {message}") from None
