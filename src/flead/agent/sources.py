"""The setting ``source`` to a source of readings."""

import importlib.util
import sys
from collections.abc import Callable
from typing import NamedTuple

from flead.agent.address import parse, shown
from flead.agent.errors import AgentError
from flead.agent.line_source import LineSource
from flead.columns import Source
from flead.ingest.pace import Pace
from flead.settings import Settings

FORMS = "mqtt://HOST/TOPICS, csv:PATH, skab:DIR or - (lines on standard input)"

PAUSE = 60_000
"""Milliseconds of event time in which a recording says nothing that are waited for; a longer pause is skipped."""


class Opened(NamedTuple):
    """A source, whether its readings are of the present, and up to what time they are due."""

    source: Source
    live: bool
    until: Callable[[], int | None]


def make_source(settings: Settings, client_id: str) -> Opened:
    """The source that ``settings.source`` names; its readings are due once it is open. AgentError if it names none."""
    name = settings.source
    if not name:
        raise AgentError(f"no source of readings: give --source, {FORMS}")
    if name == "-":
        return Opened(LineSource("standard input", sys.stdin.fileno(), settings), True, lambda: None)
    if name.startswith(("mqtt:", "mqtts:")):
        from flead.agent.mqtt_source import MqttSource

        address = parse(name, "source")
        return Opened(MqttSource(settings, shown(name), address, client_id), True, lambda: None)
    if name.startswith(("csv:", "skab:")):
        if importlib.util.find_spec("polars") is None:
            raise AgentError(f"source = {name!r}: recordings need polars, which the agent does without: install polars")
        from flead.ingest.sources import make_source as make_recorded

        source = make_recorded(settings.model_copy(update={"data": name}))
        return Opened(source, False, Playback(settings.playback, source).until)
    raise AgentError(f"source = {name!r} is no source of readings; give {FORMS}")


class Playback:
    """When recorded readings are due: at ``speed`` times their own pace, without the long pauses between recordings."""

    def __init__(self, speed: str, source: Source) -> None:
        self._speed = None if speed == "max" else float(speed)
        self._source = source
        self._pace: Pace | None = None

    def until(self) -> int | None:
        """The event time up to which readings are due; None: all of them."""
        if self._speed is None:
            return None
        due = None if self._pace is None else self._pace.until()
        if self._pace is None or due is None or self._source.start_time() > due + PAUSE:
            self._pace = Pace(self._speed, self._source.start_time())
        return self._pace.until()
