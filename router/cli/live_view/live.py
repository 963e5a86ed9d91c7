"""Polls a running demo, shows its state and detects its end. Without a terminal it prints a line when something changed."""

import threading
import time
from typing import Protocol, Self

from kafka.errors import KafkaError
from msgspec import Struct
from rich.console import Console
from rich.live import Live

from router.cli.live_view.metrics_poller import fetch_metrics, parse_metrics
from router.cli.live_view.view import View, ViewProgress
from router.cli.text.output import say
from router.cli.text.sanitize import sanitize
from router.domain.model.task import Task
from router.workers.pool import WorkerPool

FRAME_S = 0.5
LINE_S = 5.0
"""Shortest time between two lines when the output is not a terminal."""
REPEAT_S = 30.0
"""Longest time between two lines: an unchanged line is repeated after it."""
QUIET_S = 3.0
"""All input is done after this time without lag and without a change of the counters."""
STUCK_S = 60.0
"""The same time when fewer records were counted than sent: a killed worker loses its last count."""


class ProgressSource(Protocol):
    """The progress of the input."""

    @property
    def sent(self) -> int:
        """Records acknowledged in this run."""

    @property
    def progress(self) -> ViewProgress:
        """The state of the input. Raises RouterError."""


class Dispatches(Protocol):
    """The latest tasks."""

    def tasks(self) -> list[Task]:
        """The tasks since the last call. Raises KafkaError."""


class Watch(Struct):
    """The sources to poll, and the view that shows them."""

    view: View
    pool: WorkerPool
    source: ProgressSource
    latest_tasks: Dispatches
    host: str
    port: int
    """Metrics port of worker 0."""
    exit_at_end: bool = False
    counted: int = -1
    """Sum of the workers' counters at the last change."""
    changed_at: float = 0.0

    def poll(self, now: float) -> None:
        """Poll all sources once.

        Raises:
            RouterError: the workers crash repeatedly, or Kafka does not accept the input.
        """
        view = self.view
        self.pool.poll()
        view.restarts = self.pool.restarts
        view.progress = self.source.progress
        for number in range(view.workers):
            text = fetch_metrics(self.host, self.port + number)
            view.metrics.update(number, None if text is None else parse_metrics(text))
        view.add_sample(now)
        try:
            view.add_tasks(self.latest_tasks.tasks())
        except KafkaError as error:
            view.progress.problem = f"Kafka does not answer ({type(error).__name__})"
        counted = sum(view.metrics.total(f"grid_{what}_total") for what in ("reports", "merges", "tasks", "ticks"))
        if counted != self.counted or view.metrics.total("grid_lag_records"):
            self.counted, self.changed_at = counted, now

    def done(self, now: float) -> bool:
        """Whether all input has been routed."""
        if not self.source.progress.ended or not self.view.metrics.total("grid_partitions"):
            return False
        whole = self.view.metrics.total("grid_reports_total") >= self.source.sent
        return now - self.changed_at > (QUIET_S if whole else STUCK_S)


def watch_until(stop_requested: threading.Event, watch: Watch, *, live: bool) -> None:
    """Show the view until a stop is requested, or all input is done if `exit_at_end` is set."""
    console = Console()
    screen = Screen(console, watch, live=live and console.is_terminal)
    with screen:
        while not stop_requested.wait(FRAME_S):
            now = time.monotonic()
            watch.poll(now)
            screen.update(now)
            if watch.exit_at_end and watch.done(now):
                break
    screen.print_final()
    say("Stopping ..." if stop_requested.is_set() else "All input is routed, stopping ...")


class Screen:
    """The view on a terminal's alternate screen, or as lines without a terminal.

    A line is printed when it differs from the last one, or after `REPEAT_S`.
    """

    def __init__(self, console: Console, watch: Watch, *, live: bool) -> None:
        self._console, self._watch = console, watch
        self._live = Live(console=console, screen=True, auto_refresh=False) if live else None
        self._line, self._printed_at = "", float("-inf")
        self._end_printed = False

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, now: float) -> None:
        """Show the current state."""
        view = self._watch.view
        if self._live is not None:
            self._live.update(view.render(*self._console.size), refresh=True)
        elif now - self._printed_at >= LINE_S:
            self._print_line(now)
            if view.progress.ended and not self._end_printed:
                self._end_printed = True
                say("All input is sent; Ctrl-C stops everything and keeps the data.")

    def print_final(self) -> None:
        """Print the final state on the normal screen."""
        if self._live is not None:
            self._console.print(self._watch.view.render(self._console.width, 40))
        else:
            self._print_line()

    def _print_line(self, now: float = 0.0) -> None:
        line = self._watch.view.line()
        if line != self._line or now - self._printed_at >= REPEAT_S:
            self._line, self._printed_at = line, now
            self._console.print(sanitize(line), markup=False, highlight=False, soft_wrap=True)
