"""A shard's state as bytes, in blocks of devices, so that storing it costs what has changed and not the fleet.

The header holds what is not a device's own; a block holds ``BLOCK`` consecutive devices: their ids, their
kinds and their slice of every column. All are MessagePack, arrays as type, shape and little-endian bytes.
"""

import sys
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from flead.errors import FleadError
from flead.learning.arrays import Columns
from flead.records import GlobalModel
from flead.shard.shard import BLOCK, Shard, rules_of

FORMAT = 4
HEADER = "header"
MODEL = "model"
"""The global model has an entry of its own: it may be large, and changes seldom beside the clock in the header."""


class StateError(FleadError, ValueError):
    """A stored state that this shard cannot go on from: the message says why and what to do."""


class _Array(msgspec.Struct, array_like=True):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


class _Header(msgspec.Struct):
    format: int
    learner: str
    rules: dict[str, Any]
    devices: int
    kinds: list[tuple[str, ...]]
    clock: int
    noise: bytes = b""
    """The seed of private updates' noise."""


class _Block(msgspec.Struct):
    ids: list[str]
    kinds: list[int]
    columns: dict[str, _Array]


def snapshot(shard: Shard) -> dict[str, bytes]:
    """The header, the blocks that were touched and the global model that was adopted since the last snapshot.

    Together with what earlier ones gave, that is the state.
    """
    shard.grow()
    header = _Header(
        FORMAT, shard.learner.name, asdict(rules_of(shard.settings)), len(shard.devices), shard.devices.kinds,
        int(shard.schedule.clock[0]), b"" if shard.private is None else shard.private.seed,
    )  # fmt: skip
    stored = {HEADER: msgspec.msgpack.encode(header)}
    if shard.model_touched:
        stored[MODEL] = msgspec.msgpack.encode(shard.global_model)
        shard.model_touched = False
    for number in np.flatnonzero(shard.touched):
        stored[f"block/{number:08d}"] = msgspec.msgpack.encode(_pack(shard, int(number) * BLOCK))
    shard.touched[:] = False
    return stored


def restore(shard: Shard, stored: dict[str, bytes], *, anew: bool = False) -> str | None:
    """Take up a state into a new shard. Raises :class:`StateError`; the shard is of no use then.

    A state of another learner, or of other rules than the learner's state depends on, is refused. With ``anew`` its
    devices, its clock and its count of trainings go on and learn anew, and the reason why is returned.
    """
    if len(shard.devices):
        raise StateError(f"a state is restored into a new shard, not into one of {len(shard.devices)} devices")
    if HEADER not in stored:
        raise StateError("the stored state has no header")
    try:
        header = msgspec.msgpack.decode(stored[HEADER], type=_Header)
        if header.format != FORMAT:
            raise StateError(f"the stored state has format {header.format}; this version of FLEAD reads {FORMAT}")
        changed = _changed(shard, header)
        if changed and not anew:
            raise StateError(changed)
        keys = sorted(stored.keys() - {HEADER, MODEL})
        blocks = [msgspec.msgpack.decode(stored[key], type=_Block) for key in keys]
        _enter(shard, header, blocks)
        for number, block in enumerate(blocks):
            _unpack(shard.schedule.columns() if changed else _columns(shard), number * BLOCK, block)
        model = msgspec.msgpack.decode(stored[MODEL], type=GlobalModel | None) if MODEL in stored else None
        if model is not None and not changed:
            shard.adopt(model)
    except StateError:
        raise
    except (msgspec.MsgspecError, ValueError, LookupError) as error:
        raise StateError(f"the stored state is damaged ({error}): start anew with --fresh") from error
    shard.schedule.clock[0] = header.clock
    if shard.private is not None:
        shard.private.resume(header.noise)
    if changed:
        shard.schedule.pending[:] = 0  # of these readings the learner knows nothing
    shard.schedule.rewind()
    # What is stored of another learner must not be read again.
    shard.touched[: -(-header.devices // BLOCK)] = bool(changed)
    shard.model_touched = bool(changed)
    return changed


def _enter(shard: Shard, header: _Header, blocks: list[_Block]) -> None:
    # Kinds keep their numbers: blocks that stay in the store as they are go by them.
    for channels in header.kinds:
        shard.devices.kind_number(channels)
    for block in blocks:
        for kind, run in groupby(zip(block.ids, block.kinds, strict=True), key=itemgetter(1)):
            shard.devices.add([device for device, _ in run], header.kinds[kind])
    if len(shard.devices) != header.devices:
        raise StateError(f"the stored state has {len(shard.devices)} devices where it should have {header.devices}")
    shard.grow()


def _columns(shard: Shard) -> Columns:
    pace: Columns = {} if shard.pace is None else shard.pace.columns()
    return {**shard.schedule.columns(), **pace, **shard.learner.columns()}


def _pack(shard: Shard, first: int) -> _Block:
    last = min(first + BLOCK, len(shard.devices))
    return _Block(
        [shard.devices.id(row) for row in range(first, last)],
        shard.devices.kind[first:last].tolist(),
        {name: _to_bytes(column[first:last]) for name, column in _columns(shard).items()},
    )


def _unpack(columns: Columns, first: int, block: _Block) -> None:
    for name, column in columns.items():
        values = _from_bytes(block.columns[name])
        # A block stored before a wider device came has fewer channels.
        column[(slice(first, first + len(values)), *map(slice, values.shape[1:]))] = values


def _changed(shard: Shard, header: _Header) -> str | None:
    """Why the learner cannot go on from what was learnt; None if it can."""
    if header.learner != shard.learner.name:
        return f"the stored state is of learner {header.learner}, not {shard.learner.name}: set it, or --fresh"
    rules = asdict(rules_of(shard.settings))
    for name in shard.learner.remembers:
        if header.rules.get(name) != rules[name]:
            return (
                f"the stored state was learnt with {name} = {header.rules.get(name)}, not {rules[name]}: "
                "set it back, or start anew with --fresh"
            )
    return None


def _to_bytes(array: NDArray[np.generic]) -> _Array:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False) if sys.byteorder == "big" else array
    return _Array(little.dtype.str, little.shape, little.tobytes())


def _from_bytes(packed: _Array) -> NDArray[np.generic]:
    return np.frombuffer(packed.data, dtype=packed.dtype).reshape(packed.shape)
