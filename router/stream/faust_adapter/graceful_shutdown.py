"""An orderly end within a bound: finish what runs, give the partitions back to the group, and be gone in time.

Closing a partition lets its running transaction finish. A broker that is away or frozen finishes nothing; then the process
ends all the same, and the next owner's fence and committed position put everything right.
"""

import os
import threading
from collections.abc import Callable
from signal import Signals

import faust
import structlog

from router.stream.faust_adapter.offset_reporter import GroupOffsetReporter
from router.stream.faust_adapter.transport import BatchApp
from router.stream.health.observations import HealthMonitor
from router.workers.exit_codes import NOT_DRAINED, exit_after_logging

CLOSE_SHARE = 0.5
"""Of the time for everything, what the partitions get; letting go of their producers and of the group takes the rest."""

log = structlog.get_logger(__name__)


class Worker(faust.Worker):  # type: ignore[misc]
    """Faust's worker, whose end is bounded.

    Args:
        app: with its partitions in `assignment`.
        told: tells the group where the partitions stand at the end.
        health monitor: told that the end has begun.
        drain_s: from the signal to the end of the process, at most.
        end: ends the process.
    """

    def __init__(
        self,
        app: BatchApp,
        told: GroupOffsetReporter,
        monitor: HealthMonitor,
        drain_s: float,
        *,
        end: Callable[[int], None] = os._exit,
        **options: object,
    ) -> None:
        super().__init__(app, **options)
        self._vitals, self._drain_s, self._end = monitor, drain_s, end

        async def close(_: object, **__: object) -> None:
            await app.assignment.close(drain_s * CLOSE_SHARE)
            await told.report()

        app.on_before_shutdown.connect(close, weak=False)

    def _schedule_shutdown(self, signal: Signals) -> None:
        self._vitals.stop()
        threading.Thread(target=self._bound, name="drain", daemon=True).start()
        super()._schedule_shutdown(signal)

    def _bound(self) -> None:
        threading.Event().wait(self._drain_s)  # an orderly end takes this daemon thread along
        said = "could not finish what was in hand in time; nothing is lost by that"
        exit_after_logging(NOT_DRAINED, lambda: log.error(said, seconds=self._drain_s), self._end)
