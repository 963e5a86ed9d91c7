"""Graceful shutdown within a time limit: finish running transactions, leave the group, and exit.

Closing a partition waits for its running transaction. A broker that is down or frozen finishes none, and then the process exits
all the same. Nothing is lost: the next owner fences the partition and reads on from the stored offset.
"""

import asyncio
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
"""Share of the time limit for closing partitions. Closing producers and leaving the group take the rest."""
CANCELLED_S = 1.0
"""How long cancelled tasks may take to end."""

log = structlog.get_logger(__name__)


class Worker(faust.Worker):  # type: ignore[misc]
    """Faust's worker with a time limit for its shutdown.

    Args:
        app: with its partitions in `assignment`.
        reporter: commits the last offsets in the group.
        monitor: is notified when the shutdown begins.
        drain_s: from the signal to the exit of the process, at most.
        end: exits the process.
    """

    def __init__(
        self,
        app: BatchApp,
        reporter: GroupOffsetReporter,
        monitor: HealthMonitor,
        drain_s: float,
        *,
        end: Callable[[int], None] = os._exit,
        **options: object,
    ) -> None:
        super().__init__(app, **options)
        self._monitor, self._drain_s, self._end = monitor, drain_s, end

        async def close(_: object, **__: object) -> None:
            await app.assignment.close(drain_s * CLOSE_SHARE)
            await reporter.report()

        app.on_before_shutdown.connect(close, weak=False)

    def _schedule_shutdown(self, signal: Signals) -> None:
        self._monitor.stop()
        threading.Thread(target=self._exit_when_overdue, name="drain", daemon=True).start()
        super()._schedule_shutdown(signal)

    def _gather_all(self) -> None:
        """Cancel the tasks that are left once every service has ended: clients that only read.

        mode waits a second for them first, though none of them ends by itself.
        """
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left, timeout=CANCELLED_S))

    async def _sentinel_task(self) -> None:
        """Nothing is left to wait for; mode sleeps for a second before it closes the loop."""

    def _exit_when_overdue(self) -> None:
        threading.Event().wait(self._drain_s)  # a graceful exit ends this daemon thread
        message = "running transactions did not finish in time; nothing is lost by that"
        exit_after_logging(NOT_DRAINED, lambda: log.error(message, seconds=self._drain_s), self._end)
