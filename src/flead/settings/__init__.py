"""Every setting, once: its name, its meaning, its bounds and its default.

A section of settings is a module here; :class:`Settings` is all of them, and a part of FLEAD takes the sections that it
reads. A value comes from, in rising order of strength: the default, ``flead.toml`` in the working directory, the
environment variable ``FLEAD_<NAME>``, a command's flag.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flead.errors import FleadError
from flead.settings.agent import AgentSettings
from flead.settings.alarms import AlarmSettings
from flead.settings.directories import DirectorySettings
from flead.settings.engines import FlinkSettings, SparkSettings
from flead.settings.federation import FederationSettings
from flead.settings.kafka import KafkaSettings
from flead.settings.learning import LearningSettings
from flead.settings.mqtt import MqttSettings
from flead.settings.placement import PlacementSettings
from flead.settings.platform import PlatformSettings
from flead.settings.privacy import PrivacySettings
from flead.settings.readings import ReadingsSettings
from flead.settings.recognition import RecognitionSettings
from flead.settings.section import Section
from flead.settings.store import StoreSettings
from flead.settings.trust import TrustSettings
from flead.settings.viewer import ViewerSettings

SETTINGS_FILE = "flead.toml"
PREFIX = "FLEAD_"

SECTIONS: dict[str, type[Section]] = {
    "Readings": ReadingsSettings,
    "Files and messages": RecognitionSettings,
    "Learning": LearningSettings,
    "Alarms": AlarmSettings,
    "Federation": FederationSettings,
    "Privacy": PrivacySettings,
    "Directories": DirectorySettings,
    "Store": StoreSettings,
    "Viewer": ViewerSettings,
    "Agent": AgentSettings,
    "Trust": TrustSettings,
    "MQTT": MqttSettings,
    "Placement": PlacementSettings,
    "Kafka": KafkaSettings,
    "Flink": FlinkSettings,
    "Spark": SparkSettings,
    "Platform": PlatformSettings,
}
"""The sections by the headings that documents and ``flead config show`` give them."""


class SettingsError(FleadError, ValueError):
    """A setting that cannot be used: the message says which, where it came from and what it must be."""


class ModelSettings(LearningSettings, FederationSettings, PrivacySettings, PlacementSettings):
    """The sections that devices and the server of a federation have to agree on; a shard takes these."""


class Settings(
    ReadingsSettings,
    ModelSettings,
    AlarmSettings,
    StoreSettings,
    ViewerSettings,
    AgentSettings,
    TrustSettings,
    MqttSettings,
    KafkaSettings,
    FlinkSettings,
    SparkSettings,
    PlatformSettings,
):
    """All settings; for what puts parts together, and hands each its sections."""


SECRETS = frozenset(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))
"""The settings whose values are never shown."""


def fields_of(section: type[Section]) -> list[str]:
    """The names of the settings that this section brings, without those of a section that it builds on."""
    return [name for name in section.model_fields if name in section.__annotations__]


def load(flags: Mapping[str, Any] | None = None, file: Path = Path(SETTINGS_FILE)) -> tuple[Settings, dict[str, str]]:
    """The settings, and where each value came from.

    ``flags`` with the value None were not given. Raises :class:`SettingsError`.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")

    def take(found: Mapping[str, Any], origin: str) -> None:
        values.update(found)
        origins.update(dict.fromkeys(found, origin))

    take(_from_file(file), str(file))
    for name in Settings.model_fields:
        variable = PREFIX + name.upper()
        if variable in os.environ:
            take({name: os.environ[variable]}, variable)
    take({name: value for name, value in (flags or {}).items() if value is not None}, "flag")
    try:
        return Settings(**values), origins
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        value = "**********" if name in SECRETS else repr(first["input"])
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name} = {value} (from {origins.get(name)}): {message}") from None


def _from_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: {error}") from None
    unknown = sorted(set(found) - set(Settings.model_fields))
    if unknown:
        raise SettingsError(f"{file}: no such setting: {', '.join(unknown)}; flead config show lists them all")
    return found
