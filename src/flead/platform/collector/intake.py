"""Messages to rows: what the collector reads, added to the writer's next transaction."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from flead.boundary import MalformedError, record
from flead.codec.decode import Decoder, row_with
from flead.columns import Batch, Devices
from flead.records import Anomaly, GlobalModel, LocalUpdate, Rejected, flagged, local_models, to_milliseconds
from flead.storage.writing.tables import Points
from flead.storage.writing.thinning import Thinning
from flead.storage.writing.writer import Writer

Locate = Callable[[int], str]
"""Where message i of those given is from."""
Record = TypeVar("Record", Anomaly, LocalUpdate, GlobalModel)
Shape = tuple[tuple[str, int], ...]

LENGTH = len("2025-11-07T15:22:31.000Z")

_decode_anomaly = partial(record, Anomaly)
_decode_update = partial(record, LocalUpdate)
_decode_model = partial(record, GlobalModel)


class Intake:
    """Adds messages to a writer, which is told of ``devices``. A method returns what is none of its messages."""

    def __init__(self, devices: Devices, writer: Writer, signal_rows_per_second: int) -> None:
        self._devices = devices
        self._writer = writer
        self._decoder = Decoder(devices)
        self._thinning = Thinning(devices, signal_rows_per_second)

    def readings(self, values: Sequence[bytes], locate: Locate) -> list[Rejected]:
        """Readings: counted, and some kept as points of the signal, whose window the trainings alone know."""
        chunk = self._decoder.messages(values, locate)
        self._writer.add_readings(chunk.batch)
        self._add_signal(chunk.batch, self._thinning.pick(chunk.batch))
        return chunk.rejected

    def anomalies(self, values: Sequence[bytes], locate: Locate) -> list[Rejected]:
        """Flagged readings, each a point of the signal too, with the window that it was judged by."""
        found, times, refused = _decoded(_decode_anomaly, values, locate)
        channels, rows = np.zeros(len(found), np.int64), np.zeros(len(found), np.int32)
        good = np.ones(len(found), np.bool_)
        known: dict[tuple[str, str], tuple[int, int]] = {}
        for i, (_, anomaly) in enumerate(found):
            key = anomaly.device_id, anomaly.channel
            try:
                rows[i], channels[i] = known.get(key) or known.setdefault(key, self._place(*key))
            except MalformedError as error:
                good[i] = False
                refused.append(_rejected(values, locate, found[i][0], error))
        kept = np.flatnonzero(good).tolist()
        for _, places in groupby(kept, key=lambda i: found[i][1].detector):
            at = np.fromiter(places, np.int64)
            some = flagged([found[i][1] for i in at.tolist()], rows[at], channels[at], times[at])
            self._writer.add_anomalies(some)
            told = ~np.isnan(some.values)  # an agent that keeps its readings to itself does not tell the signal
            self._writer.add_signal(
                Points(
                    rows=some.rows[told],
                    channels=some.channels[told],
                    values=some.values[told],
                    means=some.means[told],
                    stds=some.stds[told],
                    times=some.times[told],
                )
            )
        return refused

    def local_updates(self, values: Sequence[bytes], locate: Locate) -> list[Rejected]:
        """Trainings. Those of one layout are written together; a device's are in their order."""
        found, times, refused = _decoded(_decode_update, values, locate)
        updates = [update for _, update in found]
        rows = self._devices.add((update.device_id for update in updates), ())
        by_shape: dict[Shape, list[int]] = {}
        for i, update in enumerate(updates):
            shape = tuple((name, len(numbers)) for name, numbers in update.parameters.items())
            by_shape.setdefault(shape, []).append(i)
        for places in by_shape.values():
            self._writer.add_local_models(local_models([updates[i] for i in places], rows[places], times[places]))
        return refused

    def global_models(self, values: Sequence[bytes], locate: Locate) -> list[Rejected]:
        """Global models; an empty message is what compaction leaves of a version."""
        found, _, refused = _decoded(_decode_model, values, locate, skip_empty=True)
        self._writer.add_global_models([model for _, model in found])
        return refused

    def _place(self, device_id: str, channel: str) -> tuple[int, int]:
        """The device's row, and the number of its channel."""
        row = row_with(self._devices, device_id, (channel,))
        return row, self._devices.channels(row).index(channel)

    def _add_signal(self, batch: Batch, at: NDArray[np.int64]) -> None:
        reading, channel = np.nonzero(~np.isnan(batch.values[at]))
        unknown = np.full(len(reading), np.nan)
        places = at[reading]
        self._writer.add_signal(
            Points(
                rows=batch.rows[places],
                channels=channel,
                values=batch.values[places, channel],
                means=unknown,
                stds=unknown,
                times=batch.times[places],
            )
        )


def _decoded(
    decode: Callable[[bytes], Record], values: Sequence[bytes], locate: Locate, skip_empty: bool = False
) -> tuple[list[tuple[int, Record]], NDArray[np.int64], list[Rejected]]:
    """The records with their places among the messages, their times in milliseconds, and what is none."""
    found, refused = [], []
    for i, value in enumerate(values):
        if skip_empty and not value:
            continue
        try:
            found.append((i, decode(value)))
        except MalformedError as error:
            refused.append(_rejected(values, locate, i, error))
    try:
        # As FLEAD writes them, to the character: read all at once, ten times as fast.
        texts = [record.timestamp for _, record in found]
        if all(len(text) == LENGTH and text[-1] == "Z" for text in texts):
            return found, np.array([text[:-1] for text in texts], "datetime64[ms]").astype(np.int64), refused
    except ValueError:
        pass
    good, times = [], []
    for i, one in found:
        try:
            times.append(to_milliseconds(one.timestamp))
            good.append((i, one))
        except (ValueError, OverflowError) as error:
            refused.append(_rejected(values, locate, i, error))
    return good, np.array(times, np.int64), refused


def _rejected(values: Sequence[bytes], locate: Locate, i: int, error: Exception) -> Rejected:
    return Rejected("", locate(i), str(error), values[i])
