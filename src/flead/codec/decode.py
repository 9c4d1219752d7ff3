"""Messages to readings in columns.

A message is one reading as a JSON object, or several, one a line. What is not in plain form, but says whose it is, when
and what, is read as :mod:`flead.messages` does. A line that is no reading is refused by itself;
a message none of whose lines is one is refused as a whole, so that foreign bytes stay together whatever they hold.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
from numba import types
from numpy.typing import NDArray

from flead.boundary import MalformedError
from flead.codec.scan import scan
from flead.codec.strict import BLANK, Parsed, parse
from flead.codec.uncounted import njit_uncounted
from flead.columns import Batch, Channels, Chunk, Devices
from flead.idtable import EMPTY, TEXT, IdTable
from flead.messages.reader import NOWHERE, Messages
from flead.records import DEFAULT_CHANNEL, LONGEST_NAME, MOST_CHANNELS, Rejected

MOST_KINDS = 256
"""Different sets of channels among the devices, at most: it takes a faulty sender to have more."""

MOST_LEFT = 1000
"""Messages that are not plain are settled by so many: their devices' channels are known from then on."""

Locate = Callable[[int], str]


@njit_uncounted(types.int64(TEXT, types.Array(types.uint64, 1, "C", readonly=True), types.int64[::1]))
def line_bounds(text: NDArray[np.uint8], words: NDArray[np.uint64], bounds: NDArray[np.int64]) -> int:
    """Write where lines begin, and the end of the last one; returns how many lines there are.

    ``words`` is the text by eight bytes at a time: of those without a newline there are many (Warren, "Hacker's
    Delight", 6-1: a zero byte in a word). A last line need not end in a newline.
    """
    count = 0
    bounds[0] = 0
    for i in range(len(words) + 1):
        first, stop = 8 * i, len(text)
        if i < len(words):
            word = words[i] ^ np.uint64(0x0A0A0A0A0A0A0A0A)
            if not (word - np.uint64(0x0101010101010101)) & ~word & np.uint64(0x8080808080808080):
                continue
            stop = first + 8
        for p in range(first, stop):
            if text[p] == 10:
                count += 1
                bounds[count] = p + 1
    if bounds[count] < len(text):
        count += 1
        bounds[count] = len(text)
    return count


class _Columns:
    """Room for N readings; those that are refused keep the row EMPTY."""

    def __init__(self, count: int, width: int) -> None:
        self.rows = np.empty(count, np.int32)
        self.times = np.empty(count, np.int64)
        self.values = np.empty((count, width))
        self.labels = np.empty(count, np.int8)

    def put(self, place: int, row: int, parsed: Parsed, channels: Channels) -> None:
        """Write a reading of a device that has these channels."""
        if len(channels) > self.values.shape[1]:
            narrow, self.values = self.values, np.full((len(self.values), len(channels)), np.nan)
            self.values[:, : narrow.shape[1]] = narrow
        self.rows[place], self.times[place], self.labels[place] = row, parsed.time, parsed.label
        values = self.values[place]
        values[:] = np.nan
        for name, number in zip(parsed.channels, parsed.numbers, strict=True):
            values[channels.index(name)] = number

    def batch(self, count: int) -> Batch:
        """The first ``count`` readings, without those that were refused."""
        batch = Batch(self.rows, self.times, self.values, self.labels).part(0, count)
        good = batch.rows != EMPTY
        return batch if good.all() else batch.take(good)


def row_with(devices: Devices, device_id: str, channels: Channels) -> int:
    """The row of this device, once it has these channels; MalformedError if it cannot have them too."""
    row = devices.ids.find(device_id.encode())
    known = () if row == EMPTY else devices.channels(row)
    lacking = tuple(name for name in channels if name not in known)
    if lacking:
        if len(known) + len(lacking) > MOST_CHANNELS:
            raise MalformedError(f"{device_id} has other channels already: at most {MOST_CHANNELS} in all")
        if known + lacking not in devices.kinds and len(devices.kinds) >= MOST_KINDS:
            raise MalformedError(f"the devices have more than {MOST_KINDS} different sets of channels")
        row = int(devices.add([device_id], channels)[0])
    return row


class Decoder:
    r"""Decodes the messages of one shard, whose table of devices it extends.

    >>> devices = Devices()
    >>> chunk = Decoder(devices).lines(b'{"device_id":"pump_1","data":42.5,"timestamp":"2025-11-07T15:22:31Z"}\n{}')
    >>> chunk.batch.values.tolist(), chunk.batch.times.tolist(), devices.id(0)
    ([[42.5]], [1762528951000], 'pump_1')
    >>> [(refused.location, refused.reason, refused.raw) for refused in chunk.rejected]
    [('line 2', 'Object missing required field `device_id`', b'{}')]
    """

    def __init__(self, devices: Devices, source: str = "messages") -> None:
        self._devices = devices
        self._source = source
        self._lines = 0
        self._shapes = Messages()
        self._names = IdTable()
        self._names.rows([DEFAULT_CHANNEL.encode()])
        self._columns_of_kinds = np.zeros((0, 0), np.int16)
        self._scratch = np.zeros(MOST_CHANNELS, np.int64), np.zeros(MOST_CHANNELS)

    def lines(self, text: bytes) -> Chunk:
        """The readings of these lines, blank ones aside. Lines count from the first text that was given."""
        bounds = np.empty(len(text) + 1, np.int64)  # Pages that are not written to take no memory.
        count = line_bounds(np.frombuffer(text, np.uint8), np.frombuffer(text, np.uint64, len(text) // 8), bounds)
        first, self._lines = self._lines + 1, self._lines + count
        chunk = self._decode(text, bounds[: count + 1], count, lambda i: f"line {first + i}")
        for refused in chunk.rejected:
            refused.raw = refused.raw.removesuffix(b"\n")
        return Chunk(chunk.batch, [refused for refused in chunk.rejected if refused.raw.strip(BLANK)])

    def skip_lines(self, count: int) -> int:
        """Count lines that were not given to :meth:`lines`; returns the number of the first of them."""
        first, self._lines = self._lines + 1, self._lines + count
        return first

    def messages(self, messages: Sequence[bytes], locate: Locate = "message {}".format) -> Chunk:
        """The readings of these messages; ``locate`` says where message i, from 0, is from."""
        bounds = np.fromiter(accumulate(map(len, messages), initial=0), np.int64, len(messages) + 1)
        return self.decode(b"".join(messages), bounds, locate)

    def decode(self, text: bytes, bounds: NDArray[np.int64], locate: Locate) -> Chunk:
        """The readings of M messages that lie one behind the other: ``text[bounds[i]:bounds[i + 1]]``."""
        return self._decode(text, bounds, len(bounds) - 1 + text.count(b"\n"), locate)

    def _decode(self, text: bytes, bounds: NDArray[np.int64], most: int, locate: Locate) -> Chunk:
        """The same, of so many readings at most."""
        count = len(bounds) - 1
        devices, characters = self._devices, np.frombuffer(text, np.uint8)
        columns = _Columns(most, devices.width)
        left = np.empty((min(count, MOST_LEFT), 2), np.int64)
        rejected: list[Rejected] = []
        message = place = 0
        while message < count:
            devices.ids.reserve(len(devices) + 1, LONGEST_NAME)
            message, place, waiting = scan(
                characters, bounds, message, columns.rows, columns.times, columns.values, columns.labels, place,
                *devices.ids.arrays(), devices.kind, self._columns_by_name(), *self._names.arrays()[:3],
                *self._scratch, left,
            )  # fmt: skip
            for number, first in left[:waiting].tolist():
                for line, reason, raw in self._settle(text[bounds[number] : bounds[number + 1]], columns, first):
                    rejected.append(Rejected(self._source, locate(number) + line, reason, raw))
        return Chunk(columns.batch(place), rejected)

    def _settle(self, message: bytes, columns: _Columns, place: int) -> list[tuple[str, str, bytes]]:
        """Write the readings of a message that is not plain; returns what is none: which line, why, and its bytes."""
        refused, taken = [], 0
        lines = message.removesuffix(b"\n").split(b"\n")
        for number, line in enumerate(lines, 1):
            if len(lines) > 1 and line.strip(BLANK):
                try:
                    self._put(self._parse(line), columns, place + taken)
                    taken += 1
                except MalformedError as error:
                    refused.append((f", line {number}", str(error), line))
        if taken:
            return refused
        try:
            self._put(self._parse(message), columns, place)
        except MalformedError as error:
            return [("", str(error), message)]
        return []

    def _parse(self, line: bytes) -> Parsed:
        """The reading in a line, of whatever shape; a line that could be read both ways is what its names say."""
        try:
            return parse(line)
        except MalformedError:
            if not line.lstrip(BLANK).startswith(b"{") or b'"data"' in line:
                raise
            try:
                (read,) = self._shapes.read(line, "", NOWHERE, None)
            except ValueError:  # no reading, or several: the plain form's reason says what is expected
                pass
            else:
                return parse(read)
            raise

    def _put(self, parsed: Parsed, columns: _Columns, place: int) -> None:
        row = row_with(self._devices, parsed.device_id, parsed.channels)
        columns.put(place, row, parsed, self._devices.channels(row))

    def _columns_by_name(self) -> NDArray[np.int16]:
        """(kinds, names) in which column each kind of device has a channel; -1 where it has none of that name."""
        kinds = self._devices.kinds
        if len(self._columns_of_kinds) < len(kinds):
            named = [self._names.rows(name.encode() for name in channels) for channels in kinds]
            self._columns_of_kinds = np.full((len(kinds), len(self._names)), -1, np.int16)
            for kind, rows in enumerate(named):
                self._columns_of_kinds[kind, rows] = np.arange(len(rows))
        return self._columns_of_kinds
