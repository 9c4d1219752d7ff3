"""When devices train: after so many readings, or after so much event time if they have said anything since.

A shard's clock is the newest event time that it has seen. A device that has readings pending when its
time is up is trained at the clock's next whole second (a *tick*), before the reading that moved the clock
there; so a silent device does not wait for a word of its own, and what a training is made of does not
depend on how the stream was cut into batches. A device whose time was up already when it spoke is trained
on that reading at once.

Devices with readings pending hang in a timing wheel (Varghese, Lauck 1987, "Hashed and Hierarchical
Timing Wheels"): a ring of lists, one a second, each the devices that are due then. A tick looks at one
list, not at the fleet. The wheel is an index, made of the state and not part of it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.learning.arrays import Columns, grown
from flead.learning.kernels import Index, Int32x1, Int64x1, kernel
from flead.learning.learner import Trainings

NEVER = np.iinfo(np.int64).min
SECOND = 1000

NOT_LINKED, LAST = 0, -1
"""``link`` of a device: in no list; the last of one; else the next device's row + 1."""


class State(NamedTuple):
    """When D devices train, and how often they have."""

    pending: Int32x1  # (D,) readings since their last training
    trained_at: Int64x1  # (D,) its event time in milliseconds, or of the first reading before there is one; or NEVER
    version: Int32x1  # (D,) how many trainings they have had


class Wheel(NamedTuple):
    """The timing wheel: for each second, modulo S, the list of the devices that are due then."""

    link: Int32x1  # (D,) the next device in the same list, see NOT_LINKED and LAST
    heads: Int32x1  # (S,) the first device of each list, its row + 1; NOT_LINKED: none. S is a power of two
    clock: Int64x1  # (1,) the newest event time in milliseconds


class Plan(NamedTuple):
    """Room for the trainings that end among some readings."""

    trainings: Trainings
    versions: Int32x1  # (K,) which of its device's trainings each is, from 1


@kernel
def hang(row: Index, due: int, link: Int32x1, heads: Int32x1) -> None:
    """Put a device into the list of the second in which it is due."""
    place = due & (len(heads) - 1)
    link[row] = heads[place] if heads[place] != NOT_LINKED else LAST
    heads[place] = row + 1


@kernel
def due_tick(trained_at: int, train_milliseconds: int) -> int:
    """The first whole second at which a device's time is up."""
    return -(-(trained_at + train_milliseconds) // SECOND)


@kernel
def take_due(tick: int, state: State, wheel: Wheel, train_milliseconds: int, trained: Int32x1, count: int) -> int:
    """Append to ``trained`` the devices that are due at this tick, by row; returns the new count."""
    link, heads = wheel.link, wheel.heads
    place = tick & (len(heads) - 1)
    device = heads[place]
    heads[place] = NOT_LINKED
    first = count
    while device > 0:
        row = np.uintp(device - 1)
        device = link[row]
        link[row] = NOT_LINKED
        if state.pending[row] > 0:
            # A device that trained on enough readings in the meantime is due later.
            due = due_tick(state.trained_at[row], train_milliseconds)
            if due <= tick:
                trained[count] = row
                count += 1
            else:
                hang(row, due, link, heads)
    trained[first:count].sort()
    return count


@kernel
def plan(
    rows: Int32x1,
    times: Int64x1,
    state: State,
    wheel: Wheel,
    train_readings: int,
    train_milliseconds: int,
    out: Plan,
) -> int:
    """Write the trainings that end among N readings, of these devices at these times, to ``out``; returns their number.

    The wheel has more than train_milliseconds / 1000 + 2 lists. Each training takes at least one reading, of the N or
    pending before, so that there are at most N + D.
    """
    pending, trained_at, version, clock = state.pending, state.trained_at, state.version, wheel.clock
    link, heads = wheel.link, wheel.heads
    positions, trained, samples = out.trainings.positions, out.trainings.rows, out.trainings.samples
    ends, versions = out.trainings.times, out.versions
    count = 0
    now = clock[0]
    for i in range(len(rows)):
        if times[i] > now:
            second, reached = now // SECOND, times[i] // SECOND
            if reached > second and now != NEVER:
                # Whatever is pending is due within one turn of the wheel.
                for tick in range(second + 1, min(reached, second + len(heads)) + 1):
                    first = count
                    count = take_due(tick, state, wheel, train_milliseconds, trained, first)
                    for k in range(first, count):
                        row = np.uintp(trained[k])
                        version[row] += 1
                        positions[k], samples[k], versions[k] = i, pending[row], version[row]
                        ends[k] = trained_at[row] = tick * SECOND
                        pending[row] = 0
            now = times[i]

        row = np.uintp(rows[i])
        if trained_at[row] == NEVER:
            trained_at[row] = now
        pending[row] += 1
        if pending[row] >= train_readings or now >= trained_at[row] + train_milliseconds:
            version[row] += 1
            positions[count], trained[count], ends[count] = i + 1, rows[i], times[i]
            samples[count], versions[count] = pending[row], version[row]
            count += 1
            pending[row] = 0
            trained_at[row] = now
        elif link[row] == NOT_LINKED:
            hang(row, due_tick(trained_at[row], train_milliseconds), link, heads)
    clock[0] = now
    return count


class Schedule:
    """Who trains when, for the devices of a shard, and how often each has trained."""

    def __init__(self, train_readings: int, train_seconds: int) -> None:
        self.train_readings = train_readings
        self.train_milliseconds = train_seconds * SECOND
        self.pending = np.zeros(0, np.int32)
        self.trained_at = np.zeros(0, np.int64)
        self.version = np.zeros(0, np.int32)
        self.clock = np.full(1, NEVER, np.int64)
        self._link = np.zeros(0, np.int32)
        self._heads = np.full(1 << (train_seconds + 2).bit_length(), NOT_LINKED, np.int32)

    def grow(self, devices: int) -> None:
        """Make room for rows up to ``devices``."""
        known = len(self.pending)
        self.pending, self.version = grown(self.pending, devices), grown(self.version, devices)
        self._link = grown(self._link, devices)
        self.trained_at = grown(self.trained_at, devices)
        self.trained_at[known:] = NEVER

    def plan(self, rows: NDArray[np.int32], times: NDArray[np.int64]) -> tuple[Trainings, NDArray[np.int32]]:
        """The trainings that end among these readings, and the number each has among its device's, from 1."""
        most = len(rows) + len(self.pending)
        positions, ends = np.empty((2, most), np.int64)
        trained, samples, versions = np.empty((3, most), np.int32)
        trainings = Trainings(positions, trained, samples, ends)
        count = plan(
            rows,
            times,
            State(self.pending, self.trained_at, self.version),
            Wheel(self._link, self._heads, self.clock),
            self.train_readings,
            self.train_milliseconds,
            Plan(trainings, versions),
        )
        return Trainings(positions[:count], trained[:count], samples[:count], ends[:count]), versions[:count]

    def columns(self) -> Columns:
        """The state of the devices, as views."""
        return {"pending": self.pending, "trained_at": self.trained_at, "version": self.version}

    def set_back(self, clock: int) -> None:
        """Go on from an earlier time, in milliseconds: who has trained after it has trained at it."""
        self.clock[0] = clock
        np.minimum(self.trained_at, clock, out=self.trained_at)
        self.rewind()

    def rewind(self) -> None:
        """Make the wheel anew, after the state was written to."""
        self._link[:] = NOT_LINKED
        self._heads[:] = NOT_LINKED
        for row in np.flatnonzero(self.pending):
            hang(row, due_tick(self.trained_at[row], self.train_milliseconds), self._link, self._heads)
