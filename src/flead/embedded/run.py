"""`flead run`: the store, the source, the pipeline and the viewer, put together and taken apart again."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import psycopg
from rich.console import Console
from rich.status import Status

from flead.bus.placement import broker_of
from flead.columns import Source
from flead.embedded.pipeline import Pace, Pipeline, Tally
from flead.embedded.summary import progress_line
from flead.ingest.sources import make_source
from flead.settings import Settings
from flead.storage.state import load_state, reset
from flead.storage.store import Store, open_store
from flead.storage.writer import Writer

HISTORY_MILLISECONDS = 10 * 60 * 1000
"""A live simulated fleet begins so long ago and catches up at full speed: the first page already shows something."""


def run(settings: Settings, *, fresh: bool, web: bool, on_summary: Callable[[Tally], None]) -> None:
    """Run the pipeline, with the viewer unless ``web`` is off, until the source ends or Ctrl-C.

    With the viewer, the page stays after a source has ended, until Ctrl-C. ``on_summary`` is called once, when the
    pipeline has ended and everything is stored.
    """
    with open_store(settings) as store, store.connect() as connection:
        if fresh:
            reset(connection)
        pipeline = _pipeline(settings, store, connection)
        try:
            if web:
                _with_viewer(settings, store, pipeline, on_summary)
            else:
                _alone(settings, pipeline, on_summary)
        finally:
            pipeline.source.close()


def _pipeline(settings: Settings, store: Store, connection: psycopg.Connection[Any]) -> Pipeline:
    stored = load_state(connection)
    # A fleet that was last seen long ago goes on in the present: nobody waits for a night to be simulated.
    source = make_source(settings, now() - HISTORY_MILLISECONDS if is_live(settings) else None)
    place = partial(broker_of, brokers=settings.brokers, devices_per_broker=settings.devices_per_broker)
    return Pipeline(settings, source, stored, lambda shard: Writer(connection, shard.devices, place))


def is_live(settings: Settings) -> bool:
    """Whether the source makes its readings in the present, instead of having them recorded."""
    return settings.data == "sim" and settings.speed != "max"


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def _pace(settings: Settings, source: Source) -> Pace:
    if settings.speed == "max":
        return Pace(None, 0)
    return Pace(float(settings.speed), now() if is_live(settings) else source.start_time())


def _alone(settings: Settings, pipeline: Pipeline, on_summary: Callable[[Tally], None]) -> None:
    with _signals(pipeline.stop), _progress() as progress:
        tally = pipeline.run(_pace(settings, pipeline.source), progress)
    on_summary(tally)


def _with_viewer(settings: Settings, store: Store, pipeline: Pipeline, on_summary: Callable[[Tally], None]) -> None:
    """The viewer in this thread, which alone gets signals; the pipeline in another."""
    # NiceGUI takes a second to import, which `flead run --no-web` need not spend.
    from flead.dashboard.viewer import Viewer

    # Takes the port before the pipeline starts: a run whose page cannot be had has done nothing.
    viewer = Viewer(settings, store.conninfo)
    failures: list[Exception] = []

    def work() -> None:
        try:
            with _progress() as progress:
                tally = pipeline.run(_pace(settings, pipeline.source), progress)
            on_summary(tally)
        except Exception as error:  # raised again by the main thread
            failures.append(error)
            viewer.stop()

    def stop() -> None:
        pipeline.stop()
        viewer.stop()

    worker = threading.Thread(target=work, name="pipeline")
    with _signals(stop):
        worker.start()
        try:
            viewer.run(on_ready=lambda url: print(f"viewer: {url}", file=sys.stderr, flush=True))
        finally:
            pipeline.stop()
            worker.join()
    if failures:
        raise failures[0]


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM end the run cleanly; a second one is not waited for."""

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        for each, handler in before.items():
            signal.signal(each, handler)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress() -> Iterator[Callable[[Tally], None]]:
    """Shows a tally: a live line on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda tally: None
        return
    with Status("starting", console=console) as status:
        yield lambda tally: status.update(progress_line(tally))
