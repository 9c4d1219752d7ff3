"""`flead run`: the store, the source, the pipeline and the viewer, from start-up to shutdown."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import psycopg
from rich.console import Console
from rich.status import Status

from flead.embedded.pipeline import Pipeline, Tally
from flead.embedded.summary import progress_line
from flead.errors import FleadError
from flead.ingest.csv_folder import Files
from flead.ingest.pace import is_live, now, pace_of
from flead.ingest.report import at_end, at_start
from flead.ingest.sources import make_source
from flead.placement import broker_of
from flead.settings import Settings
from flead.storage.rollbacks import asked_for
from flead.storage.server.store import Store, open_store
from flead.storage.writing.alarms import alarm_rules_of
from flead.storage.writing.state import load_state, reset
from flead.storage.writing.writer import Writer

if TYPE_CHECKING:
    from flead.dashboard.viewer import Viewer

HISTORY_MILLISECONDS = 10 * 60 * 1000
"""A live simulated fleet starts this far in the past and catches up at full speed: the first page has data to show."""


def run(settings: Settings, *, fresh: bool, web: bool, on_summary: Callable[[Tally], None]) -> bool:
    """Run the pipeline, with the viewer unless ``web`` is off, until the source ends or Ctrl-C.

    With the viewer, the page stays after a source has ended, until Ctrl-C. ``on_summary`` is called once, when the
    pipeline has ended and everything is stored. What files were understood as goes to standard error. Returns False
    if the source has files and none of them a reading.
    """
    stop = Stop()
    try:
        with stop.on_signals(), open_store(settings) as store, store.connect() as connection:
            # The port and the source come first, so that a run that cannot start deletes nothing.
            viewer = _viewer(settings, store) if web else None
            pipeline = _pipeline(settings, connection, fresh)
            stop.then(pipeline.stop)
            if fresh:
                reset(connection)
            source = pipeline.source
            account = source.account if isinstance(source, Files) else None
            if account is not None:
                _say(at_start(account))

            def finish(tally: Tally) -> None:
                on_summary(tally)
                if account is not None and isinstance(source, Files):
                    _say(at_end(account, source.given_before))

            try:
                if viewer is None:
                    finish(_work(settings, pipeline))
                else:
                    _with_viewer(settings, pipeline, viewer, stop, finish)
            finally:
                source.close()
            return account is None or account.readings > 0
    except psycopg.Error as error:
        raise FleadError(
            f"the database failed: {str(error).strip().splitlines()[0]}; what was committed is kept, and the next run "
            f"resumes there; see {settings.data_dir / 'postgres.log'}"
        ) from error


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def _pipeline(settings: Settings, connection: psycopg.Connection[Any], fresh: bool) -> Pipeline:
    stored = {} if fresh else load_state(connection)
    # A fleet that was last run long ago continues in the present, so that no missed night has to be simulated.
    source = make_source(settings, now() - HISTORY_MILLISECONDS if is_live(settings) else None)
    place = partial(broker_of, brokers=settings.brokers, devices_per_broker=settings.devices_per_broker)
    rules = alarm_rules_of(settings)
    return Pipeline(
        settings,
        source,
        stored,
        lambda shard: Writer(connection, shard.devices, place, rules),
        partial(asked_for, connection),
    )


def _work(settings: Settings, pipeline: Pipeline) -> Tally:
    with _progress() as progress:
        return pipeline.run(pace_of(settings, pipeline.source), progress)


def _viewer(settings: Settings, store: Store) -> "Viewer":
    # NiceGUI takes a second to import, which `flead run --no-web` need not spend.
    from flead.dashboard.viewer import Viewer

    return Viewer(settings, store.conninfo)


def _with_viewer(
    settings: Settings, pipeline: Pipeline, viewer: "Viewer", stop: "Stop", on_summary: Callable[[Tally], None]
) -> None:
    """The viewer in this thread, which alone gets signals; the pipeline in another."""
    failures: list[Exception] = []

    def work() -> None:
        try:
            on_summary(_work(settings, pipeline))
        except Exception as error:  # raised again by the main thread
            failures.append(error)
            viewer.stop()

    worker = threading.Thread(target=work, name="pipeline")
    stop.then(viewer.stop)
    worker.start()
    try:
        viewer.run(on_ready=lambda url: print(f"viewer: {url}", file=sys.stderr, flush=True))
    finally:
        pipeline.stop()
        worker.join()
    if failures:
        raise failures[0]


class Stop:
    """SIGINT and SIGTERM, handled from the first moment: they call what was given to :meth:`then`, at once or later.

    A second signal has its default effect.
    """

    def __init__(self) -> None:
        self._asked = False
        self._actions: list[Callable[[], None]] = []

    def then(self, action: Callable[[], None]) -> None:
        """Call this when a signal comes, now if one has come."""
        self._actions.append(action)
        if self._asked:
            action()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handle the signals, in the main thread."""

        def handle(number: int, frame: FrameType | None) -> None:
            del number, frame
            restore()
            self._asked = True
            for action in self._actions:
                action()

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            restore()


@contextmanager
def _progress() -> Iterator[Callable[[Tally], None]]:
    """Shows a tally: a live line on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda tally: None
        return
    with Status("starting", console=console) as status:
        yield lambda tally: status.update(progress_line(tally))
