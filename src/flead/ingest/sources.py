"""The setting ``data`` to a source of readings."""

from pathlib import Path

import msgspec

from flead.columns import Source
from flead.ingest.csv_folder import csv_folder
from flead.ingest.edge_iiotset import edge_iiotset
from flead.ingest.errors import SourceError
from flead.ingest.recognise.pins import pins_of
from flead.ingest.simulated import INTERVAL, START, SimulatedSource
from flead.ingest.skab import skab
from flead.settings.readings import ReadingsSettings
from flead.settings.recognition import RecognitionSettings

FORMS = "sim, csv:PATH, edge-iiotset:PATH or skab:DIR"


def make_source(settings: ReadingsSettings, start: int | None = None, interval: int = INTERVAL) -> Source:
    """The source that ``settings.data`` names. Raises :class:`SourceError`.

    ``start`` is when the simulated fleet begins (milliseconds; by default with 2025), ``interval`` the time between
    two readings of one of its devices. A path is looked at here, what is in its files where the source is opened.
    """
    name, channel = settings.data, settings.channel
    scheme, colon, path = name.partition(":")
    if scheme == "sim" and not colon:
        begin = START if start is None else start
        return SimulatedSource(settings.devices, settings.seed, begin, interval, faults=settings.faults)
    if scheme not in ("csv", "edge-iiotset", "skab"):
        raise SourceError(f"data = {name!r} is no source of readings; give {FORMS}")
    if not path:
        raise SourceError(f"data = {name!r} lacks its path; give {FORMS}")
    place = Path(path).expanduser()
    if scheme == "csv":
        return csv_folder(name, place, pins_of(settings))
    if scheme == "skab":
        return skab(name, place, channel)
    return edge_iiotset(name, place, settings.devices, channel)


RECOGNITION = tuple(RecognitionSettings.model_fields)
"""The settings that say how files are read."""


def identity(settings: ReadingsSettings) -> str:
    """What makes a source the same one as in the run before, so that its position means something."""
    named = [settings.data, settings.devices, settings.seed, settings.faults, settings.channel]
    pinned = settings.model_dump(mode="json", include=set(RECOGNITION), exclude_defaults=True)
    return msgspec.json.encode([*named, pinned], order="deterministic").decode()
