"""Watching a run: measure, show, and notice the end. On a terminal the live view, elsewhere a line now and then."""

import threading
import time
from typing import Protocol, Self

from kafka.errors import KafkaError
from msgspec import Struct
from rich.console import Console
from rich.live import Live

from router.cli.live_view.metrics_poller import page, samples
from router.cli.live_view.view import View, ViewProgress
from router.cli.text.output import talk
from router.domain.model.task import Task
from router.workers.pool import WorkerPool

FRAME_S = 0.5
LINE_S = 5.0
"""Between two lines of output that is no terminal."""
QUIET_S = 3.0
"""With nothing waiting and nothing moving for so long, all input is done."""
STUCK_S = 60.0
"""The same when fewer records were counted than sent: a killed worker took its last count along."""


class ProgressSource(Protocol):
    """The input: how far it is."""

    @property
    def sent(self) -> int:
        """Records acknowledged in this run."""

    @property
    def progress(self) -> ViewProgress:
        """How far it is. Raises RouterError."""


class Dispatches(Protocol):
    """The last tasks."""

    def tasks(self) -> list[Task]:
        """Those that came since the last look. Raises KafkaError."""


class Watch(Struct):
    """What is looked at, and the view it goes into."""

    view: View
    pool: WorkerPool
    source: ProgressSource
    recent: Dispatches
    host: str
    port: int
    """Of worker 0's metrics."""
    exit_at_end: bool = False
    counted: int = -1
    """Everything the workers have counted, at the last change."""
    moved: float = 0.0

    def look(self, now: float) -> None:
        """Measure once.

        Raises:
            RouterError: the workers end again and again, or Kafka does not take the input.
        """
        view = self.view
        self.pool.poll()
        view.restarts = self.pool.restarts
        view.progress = self.source.progress
        for number in range(view.workers):
            text = page(self.host, self.port + number)
            view.meter.take(number, None if text is None else samples(text))
        view.measured(now)
        try:
            view.dispatched(self.recent.tasks())
        except KafkaError as error:
            view.progress.problem = f"Kafka does not answer ({type(error).__name__})"
        counted = sum(view.meter.total(f"grid_{what}_total") for what in ("reports", "merges", "tasks", "ticks"))
        if counted != self.counted or view.meter.total("grid_lag_records"):
            self.counted, self.moved = counted, now

    def done(self, now: float) -> bool:
        """Whether all input has been routed."""
        if not self.source.progress.ended or not self.view.meter.total("grid_partitions"):
            return False
        whole = self.view.meter.total("grid_reports_total") >= self.source.sent
        return now - self.moved > (QUIET_S if whole else STUCK_S)


def watch_until(asked: threading.Event, watch: Watch, *, live: bool) -> None:
    """Show the view until the end is asked for, or (if so wished) all input is done."""
    console = Console()
    shown = Shown(console, watch, live=live and console.is_terminal)
    with shown:
        while not asked.wait(FRAME_S):
            now = time.monotonic()
            watch.look(now)
            shown.update(now)
            if watch.exit_at_end and watch.done(now):
                break
    shown.last()
    talk("Stopping ..." if asked.is_set() else "All input is routed, stopping ...")


class Shown:
    """The view on a terminal's second screen, or a line now and then where there is none."""

    def __init__(self, console: Console, watch: Watch, *, live: bool) -> None:
        self._console, self._watch = console, watch
        self._live = Live(console=console, screen=True, auto_refresh=False) if live else None
        self._line_at = 0.0
        self._said_end = False

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, now: float) -> None:
        """Show the present state."""
        view = self._watch.view
        if self._live is not None:
            self._live.update(view.render(*self._console.size), refresh=True)
        elif now >= self._line_at:
            self._line_at = now + LINE_S
            self._print_line()
            if view.progress.ended and not self._said_end:
                self._said_end = True
                talk("The input is at its end; Ctrl-C stops everything and keeps the data.")

    def last(self) -> None:
        """Leave the last state where it can be read when all is over."""
        if self._live is not None:
            self._console.print(self._watch.view.render(self._console.width, 40))
        else:
            self._print_line()

    def _print_line(self) -> None:
        self._console.print(self._watch.view.line(), markup=False, highlight=False, soft_wrap=True)
