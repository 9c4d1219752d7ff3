"""Kinds of devices: those with the same channels, whose statistics compare with each other's.

A statistic travels under its name and its kind's, ``variance ["flow","pressure"]``: one global model holds what is
known of all kinds. A kind's channels are sorted, in its name and in every array.
"""

import hashlib
import json
from collections.abc import Iterable

from flead.learning.learner import Layout, Parameters

LONGEST = 160
"""Characters of a kind's name that lists its channels; a longer list is told from others by its hash."""

MODELLED = 16
"""Channels that predict each other, at most: the first of a kind. The numbers grow with the square of them."""

LEVELS = 40
"""Points of a sketch of a distribution: its quantiles at (i + 1/2) / LEVELS."""

PEERS = "peers"
"""The statistic that only a global model has: how many devices of the kind are in it."""


def kind_name(channels: Iterable[str]) -> str:
    """What devices with these channels are called, in whatever order they name them.

    >>> kind_name(["pressure", "flow"])
    '["flow","pressure"]'
    """
    names = sorted(channels)
    text = json.dumps(names, separators=(",", ":"), ensure_ascii=False)
    if len(text) <= LONGEST:
        return text
    return f"{len(names)} channels {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def channels_of(kind: str) -> int:
    """How many channels the devices of a kind have. ValueError if it is no name of a kind.

    >>> channels_of('["flow","pressure"]'), channels_of("64 channels 8a2ee1c43bc2e0a1")
    (2, 64)
    """
    names = json.loads(kind) if kind.startswith("[") else [None] * int(kind.partition(" ")[0])
    if not names:
        raise ValueError("a kind without channels")
    return len(names)


def moments_size(channels: int) -> int:
    """How many numbers the moments of so many channels are: see :mod:`flead.learning.drift.fit`."""
    modelled = min(channels, MODELLED)
    return modelled * (modelled + 1) + modelled * (modelled + 2)


def layout_of(kind: str, channels: int) -> Layout:
    """A device's statistics, in their order."""
    return {
        f"rows {kind}": (1,),
        f"variance {kind}": (channels,),
        f"wander {kind}": (channels,),
        f"drift {kind}": (channels,),
        f"moments {kind}": (moments_size(channels),),
        f"scores {kind}": (LEVELS,),
    }


def by_kind(parameters: Parameters) -> dict[str, Parameters]:
    """Named arrays by kind; those of no kind under the empty one.

    >>> import numpy as np
    >>> by_kind({'rows ["flow"]': np.array([3.0]), "bias": np.array([1.0])})
    {'["flow"]': {'rows': array([3.])}, '': {'bias': array([1.])}}
    """
    kinds: dict[str, Parameters] = {}
    for name, array in parameters.items():
        statistic, _, kind = name.partition(" ")
        kinds.setdefault(kind, {})[statistic] = array
    return kinds
