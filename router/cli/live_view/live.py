"""Polls a running demo, shows its state and detects its end."""

import threading
from typing import Protocol

from kafka.errors import KafkaError
from msgspec import Struct

from router.cli.live_view.metrics_poller import fetch_metrics, parse_metrics
from router.cli.live_view.screen import show_until
from router.cli.live_view.view import View, ViewProgress
from router.cli.text.output import say
from router.domain.model.task import Task
from router.workers.pool import WorkerPool

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
        view.rates.add_sample(now)
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

    def finished(self, now: float) -> bool:
        """Whether the screen may end by itself."""
        return self.exit_at_end and self.done(now)


def watch_until(stop_requested: threading.Event, watch: Watch, *, live: bool) -> None:
    """Show the demo until a stop is requested, or all input is done if `exit_at_end` is set."""
    show_until(stop_requested, watch, live=live)
    say("Stopping ..." if stop_requested.is_set() else "All input is routed, stopping ...")
