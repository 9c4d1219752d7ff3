"""What an agent has done, as it is kept in the store and shown by ``flead agent status``."""

from collections.abc import Mapping

import msgspec


class Figures(msgspec.Struct):
    """Counts since the store began; times in milliseconds since the epoch."""

    name: str = ""
    public_key: str = ""
    source: str = ""
    uplink: str = ""
    learner: str = ""
    started: int = 0
    stored: int = 0
    """When this was written."""
    connected: bool = False
    devices: int = 0
    readings: int = 0
    rejected: int = 0
    updates: int = 0
    alarms: int = 0
    delivered: int = 0
    dropped: dict[str, int] = {}
    """What the outbox had no room for, or what became too old."""
    refused: dict[str, int] = {}
    """What the platform refused, by reason."""
    left_out: dict[str, int] = {}
    """What messages sent along and was left out: ``name: what it is``, and of how many messages; since the start."""
    foreign_models: int = 0
    """Global models that are none of this learner's."""
    clock_jumps: int = 0
    global_version: int = 0
    newest_version: int = 0
    """The largest number of a training of any device: after ``--fresh`` they go on from there."""
    first_version: int = 0
    """What is added to the numbers of trainings, after ``--fresh``."""


class SourceState(msgspec.Struct):
    """How far a source has been read."""

    identity: str
    position: dict[str, int]


def added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Both together."""
    return {name: counts.get(name, 0) + more.get(name, 0) for name in {**counts, **more}}
