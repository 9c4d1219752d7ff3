"""A detector for many devices at once: frames in, scores and alarms out, learning as it goes."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from flead.api import alarms, saved
from flead.api.frames import Frame, Readings, Roles, TimeUnit, array_readings, check_names, moments, new_frame
from flead.api.options import settings_of
from flead.api.stream import Scored, Stream
from flead.errors import FleadError
from flead.records import LARGEST, MOST_CHANNELS, NO_LABEL, GlobalModel, LocalUpdate, to_milliseconds


class Detector:
    """Devices that learn what is normal, and raise alarms.

    Every reading is judged by what came before it, and then learnt from. How the readings come in frames changes no bit
    of any result.

    Parameters
    ----------
    learner
        Any of ``flead.learning.registry.LEARNERS``; unset: the default of the setting ``learner``.
    device, time, label, channels
        The columns of frames. Unset, ``device_id``, ``timestamp`` and ``label`` are looked for; without a device all
        rows are one device's, without times readings count as one a second. All other columns are channels.
    time_unit
        What numbers in the column of times are since the epoch: s, ms, us or ns.
    ordered
        Refuse readings that are older than one before them. False: take them in the order in which they come.
    local
        No device hears of the others. The detector hands its updates out (:meth:`take_updates`) and takes global models
        (:meth:`adopt`). False: it merges its devices' updates by itself.
    settings
        Any other setting by its name, such as ``alarms_per_day``: see docs/settings.md.

    Examples
    --------
    >>> import flead
    >>> detector = flead.Detector(learner="zscore")
    >>> scored = detector.observe(flead.simulate(devices=10, seconds=900))
    >>> scored.columns[:2], scored.columns[-2:]
    (['device_id', 'timestamp'], ['score', 'anomaly'])
    >>> print(detector.explain(0))  # doctest: +NORMALIZE_WHITESPACE
    6 readings flagged; the furthest: level was 0 where 58.64 to 60.16 was expected: 194.90 standard deviations below
    its recent mean of 59.40.
    """

    def __init__(
        self,
        learner: str | None = None,
        *,
        device: str | None = None,
        time: str | None = None,
        label: str | None = None,
        channels: Sequence[str] | None = None,
        time_unit: TimeUnit | None = None,
        ordered: bool = True,
        local: bool = False,
        **settings: Any,
    ) -> None:
        given = {**settings, "learner": learner} if learner is not None else settings
        self.settings = settings_of(given)
        """All settings, immutable."""
        self._roles = Roles(device, time, label, None if channels is None else tuple(channels), time_unit)
        self._given = {**given, **self._roles._asdict(), "ordered": ordered, "local": local}
        self._local, self._ordered = local, ordered
        self._backend: str | None = None
        self._stream = self._new_stream()

    def observe(self, frame: Any) -> Any:
        """Judge the frame's rows in their order, and learn from them.

        Returns the frame, of polars, pandas or pyarrow as it was, with two columns more: ``score`` (the higher, the
        odder; NaN in a row without any value) and ``anomaly``. FleadError, before anything is learnt, for a frame whose
        columns are not what they should be.
        """
        opened = Frame(frame, self._roles)
        said = self._stream.learn(opened.readings())
        self._backend = opened.backend
        return opened.with_scores(said.score, said.anomalous)

    def score_one(
        self, values: Mapping[str, float], *, device: str = "device", time: datetime | str | None = None
    ) -> float:
        """Judge one reading, a value a channel, and learn from it; returns its score.

        ``time`` is a datetime (UTC where it has no zone) or ISO 8601; it may be left out where readings have no times.

        Examples
        --------
        >>> import flead
        >>> detector = flead.Detector(learner="zscore")
        >>> [detector.score_one({"temperature": 21.0 + i % 2}, device="pump_7") for i in range(21)][-1]
        1.0
        """
        check_names([device])
        numbers = np.array([list(values.values())], np.float64)
        if not 0 < numbers.size <= MOST_CHANNELS or np.isnan(numbers).all() or (np.abs(numbers) > LARGEST).any():
            raise FleadError(f"{dict(values)} of {device} is no reading: it needs 1 to {MOST_CHANNELS} finite numbers")
        readings = Readings(
            [device], np.zeros(1, np.int32), None if time is None else np.array([_milliseconds(time)]),
            tuple(values), numbers, np.full(1, NO_LABEL, np.int8),
        )  # fmt: skip
        return float(self._stream.learn(readings).score[0])

    @property
    def alarms(self) -> Any:
        """All alarms so far by their begin: a frame of the kind that came last, of polars if none has come yet.

        One event is one alarm, and its row says which ``device`` it is of, its ``start`` and ``end`` in UTC, how many
        ``readings`` were flagged and its ``severity``; of the reading that was furthest out the ``channel``, when it
        was (``worst_at``), its ``value``, its ``z_score``, and the ``mean``, ``std`` and ``threshold`` that it was
        judged by. The settings ``alarm_gap`` and ``alarm_readings`` say what an event is and how many flagged readings
        make an alarm; from a learner that is paced by ``alarms_per_day`` one does.
        """
        columns = alarms.alarms(self._stream.flagged, self._stream.shard, self.settings)
        for name in ("start", "end", "worst_at"):
            columns[name] = moments(columns[name])
        return new_frame(columns, self._backend)

    def explain(self, alarm: Mapping[str, Any] | int) -> str:
        """Why an alarm was raised, in a sentence: a row of :attr:`alarms` (a dict, a pandas Series), or its number."""
        if isinstance(alarm, int | np.integer):
            columns = alarms.alarms(self._stream.flagged, self._stream.shard, self.settings)
            count = len(columns["device"])
            if not 0 <= alarm < count:
                raise FleadError(f"no alarm {alarm}: there are {count}, counted from 0")
            alarm = {name: columns[name][alarm] for name in columns}
        return alarms.explain(self._stream.flagged, self._stream.shard, alarm)

    def take_updates(self) -> list[LocalUpdate]:
        """The newest update of every device that has trained since the last call, for a federation.

        FleadError unless the detector is local.
        """
        if not self._local:
            raise FleadError("this detector merges its devices' updates itself: Detector(local=True) hands them out")
        updates = list(self._stream.updates.values())
        self._stream.updates.clear()
        return updates

    def adopt(self, model: GlobalModel) -> None:
        """Let trainings from now on start from a federation's model, unless a newer one is known.

        FleadError unless the detector is local, and for a model of another learner.
        """
        if not self._local:
            raise FleadError("this detector makes its own global models: Detector(local=True) takes a federation's")
        try:
            self._stream.shard.adopt(model)
        except (ValueError, AttributeError) as error:
            raise FleadError(f"this is no global model of learner {self.settings.learner}: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that it has learnt into one file, which takes its name when all is written."""
        given = {**self._given, "learner": self.settings.learner}
        found = saved.Saved(saved.FORMAT, given, self._backend, self._stream.snapshot())
        target = Path(path)
        part = target.with_name(target.name + ".part")
        try:
            part.write_bytes(msgspec.msgpack.encode(found))
            part.replace(target)
        except OSError as error:
            raise FleadError(f"{target} cannot be written ({error.strerror}); choose another path") from error
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The detector that was saved there; it goes on with the same bits. FleadError where there is none."""
        try:
            stored = Path(path).read_bytes()
        except OSError as error:
            raise FleadError(f"{path} cannot be read ({error.strerror})") from error
        found = saved.decode(stored, str(path))
        detector = cls(**found.given)
        detector._backend = found.backend
        detector._stream.restore(found.stream)
        return detector

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Forget everything, then learn from ``X``: a frame, or an array of samples by features of one device.

        ``y`` is ignored, as by scikit-learn's own outlier detectors.
        """
        del y
        readings, backend = self._samples(X)
        stream = self._new_stream()
        stream.learn(readings)
        self._stream, self._backend = stream, backend
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(N,) scikit-learn's meaning: the *lower*, the more abnormal. It is the score with its sign changed.

        ``X`` is judged as what comes next. The detector itself learns nothing and stays as it is.
        """
        return -self._judge(X).score

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """(N,) scikit-learn's meaning: -1 for an anomaly, 1 for a normal reading; PyOD says 1 and 0.

        ``X`` is judged as what comes next. The detector itself learns nothing and stays as it is.
        """
        return np.where(self._judge(X).anomalous, -1, 1)

    def _new_stream(self) -> Stream:
        return Stream(self.settings, local=self._local, ordered=self._ordered)

    def _samples(self, samples: Any) -> tuple[Readings, str | None]:
        """What scikit-learn calls X, as readings; and whose frame it was."""
        if hasattr(samples, "columns") or hasattr(samples, "collect"):
            opened = Frame(samples, self._roles)
            return opened.readings(), opened.backend
        return array_readings(samples), self._backend

    def _judge(self, samples: Any) -> Scored:
        readings, _ = self._samples(samples)
        return self._new_stream().restore(self._stream.snapshot()).learn(readings)


def _milliseconds(time: datetime | str) -> int:
    if isinstance(time, datetime):
        time = (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()
    try:
        return to_milliseconds(time)
    except (TypeError, ValueError):
        raise FleadError(f"time={time!r} is neither a datetime nor ISO 8601") from None
