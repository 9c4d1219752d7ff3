"""A detector as bytes: what it goes on from with the same bits."""

import io
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from flead.errors import FleadError
from flead.records import GlobalModel, LocalUpdate
from flead.shard import state
from flead.shard.shard import BLOCK, Shard

FORMAT = 1


class Stream(msgspec.Struct):
    """The state of :class:`flead.api.stream.Stream`."""

    shard: dict[str, bytes]
    """As :func:`flead.shard.state.snapshot` gives it."""
    channels: list[str]
    seen: bytes
    flagged: bytes
    rounds: bytes | None
    made: GlobalModel | None
    updates: list[LocalUpdate]
    readings: int
    newest: int
    timed: bool


class Saved(msgspec.Struct):
    """A file that ``Detector.save`` writes."""

    format: int
    given: dict[str, Any]
    """What the detector was made with, and its learner, whatever the default will be."""
    backend: str | None
    stream: Stream


def pack(**arrays: NDArray[Any]) -> bytes:
    """Named arrays as bytes, in numpy's own format."""
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def unpack(packed: bytes) -> dict[str, NDArray[Any]]:
    """The arrays that :func:`pack` was given."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        return dict(arrays)


def whole(shard: Shard) -> dict[str, bytes]:
    """The whole state of a shard, whatever was stored of it before."""
    shard.grow()
    shard.touched[: -(-len(shard.devices) // BLOCK)] = True
    shard.model_touched = shard.global_model is not None
    return state.snapshot(shard)


def decode(stored: bytes, where: str) -> Saved:
    """FleadError where this is no detector, or one of another format."""
    try:
        saved = msgspec.msgpack.decode(stored, type=Saved)
    except msgspec.MsgspecError as error:
        raise FleadError(f"{where} holds no detector of FLEAD's ({error}); name a file that save() wrote") from None
    if saved.format != FORMAT:
        raise FleadError(f"{where} has format {saved.format}; this version of FLEAD reads {FORMAT}: train it anew")
    return saved
