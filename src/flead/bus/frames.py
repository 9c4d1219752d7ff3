"""Messages that Flink's SQL has put together into one string, taken apart again, byte for byte.

Kafka's bytes enter Flink as Latin-1, which has a character for every byte, and leave it as UTF-8: bytes from 128 on
have become two. The characters behind Latin-1's last are therefore in no message, and separate them:

    offset FIELD key FIELD value MESSAGE offset FIELD key FIELD value ...
"""

from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from flead.bus.uncounted import njit_uncounted
from flead.idtable import TEXT

FIELD, MESSAGE = "\u0100", "\u0101"
"""In UTF-8: C4 80 and C4 81."""

LATIN_1 = "ISO-8859-1"

_LEAD = 0xC4
_BYTES = types.uint8[::1]
_WORDS = types.Array(types.uint64, 1, "C", readonly=True)


@njit_uncounted(types.int64(TEXT, _WORDS, types.int64))
def ascii_end(text: NDArray[np.uint8], words: NDArray[np.uint64], p: int) -> int:
    """The first byte from ``p`` on that is not ASCII; ``words`` is the text by eight bytes at a time."""
    while p < len(text) and text[p] < 128:
        if p % 8 == 0:
            while p // 8 < len(words) and not words[p // 8] & np.uint64(0x8080808080808080):
                p += 8
            if p >= len(text) or text[p] >= 128:
                break
        p += 1
    return p


@njit_uncounted(types.int64(TEXT, _WORDS, _BYTES, types.int64[::1], _BYTES, types.int64[::1], types.int64[::1]))
def unframe(
    frames: NDArray[np.uint8],
    words: NDArray[np.uint64],
    values: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    keys: NDArray[np.uint8],
    key_bounds: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> int:
    """Write values one behind the other, keys likewise, and offsets; returns how many messages there are."""
    p, count, value_end, key_end = 0, 0, 0, 0
    bounds[0] = key_bounds[0] = 0
    while p < len(frames):
        offset = 0
        while frames[p] < 128:
            offset = 10 * offset + frames[p] - 48
            p += 1
        p += 2
        while frames[p] != _LEAD:
            if frames[p] < 128:
                keys[key_end] = frames[p]
                p += 1
            else:
                keys[key_end] = ((frames[p] & 3) << 6) | (frames[p + 1] & 63)
                p += 2
            key_end += 1
        p += 2
        while p < len(frames) and frames[p] != _LEAD:
            stop = ascii_end(frames, words, p)
            for q in range(np.uintp(p), np.uintp(stop)):
                values[q - np.uintp(p) + np.uintp(value_end)] = frames[q]
            value_end += stop - p
            p = stop
            if p < len(frames) and frames[p] != _LEAD:
                values[value_end] = ((frames[p] & 3) << 6) | (frames[p + 1] & 63)
                value_end += 1
                p += 2
        p += 2
        offsets[count] = offset
        count += 1
        bounds[count], key_bounds[count] = value_end, key_end
    return count


class Messages(NamedTuple):
    """M messages of one partition: message i is ``values[bounds[i]:bounds[i + 1]]``, its key likewise."""

    values: bytes
    bounds: NDArray[np.int64]  # (M + 1,)
    keys: bytes
    key_bounds: NDArray[np.int64]  # (M + 1,)
    offsets: NDArray[np.int64]  # (M,)

    def key(self, message: int) -> bytes:
        """A message's key; empty where it had none."""
        return self.keys[self.key_bounds[message] : self.key_bounds[message + 1]]


def messages(frames: bytes) -> Messages:
    """Take frames apart.

    >>> found = messages('7\u0100pump_1\u0100{"caf\u00c3\u00a9": 1}\u01018\u0100\u0100'.encode())
    >>> found.values.decode(), found.bounds.tolist(), found.key(0), found.offsets.tolist()
    ('{"café": 1}', [0, 12, 12], b'pump_1', [7, 8])
    """
    text = np.frombuffer(frames, np.uint8)
    most = int(np.count_nonzero(text == _LEAD)) // 2 + 1
    values, keys = np.empty(len(text), np.uint8), np.empty(len(text), np.uint8)
    bounds, key_bounds, offsets = np.empty(most + 1, np.int64), np.empty(most + 1, np.int64), np.empty(most, np.int64)
    words = np.frombuffer(frames, np.uint64, len(text) // 8)
    count = unframe(text, words, values, bounds, keys, key_bounds, offsets)
    return Messages(
        values[: bounds[count]].tobytes(),
        bounds[: count + 1],
        keys[: key_bounds[count]].tobytes(),
        key_bounds[: count + 1],
        offsets[:count],
    )
