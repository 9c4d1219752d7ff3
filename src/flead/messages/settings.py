"""The settings that say how messages are read."""

from zoneinfo import ZoneInfo

from flead.messages.understand import Rules
from flead.settings import Settings


def rules_of(settings: Settings) -> Rules:
    """What the settings pin of messages."""
    zone = None if settings.time_zone in (None, "UTC") else ZoneInfo(str(settings.time_zone))
    return Rules(zone, settings.booleans)
