"""The supervisor of a worker pool: restarts workers, logs their health, and runs rolling restarts."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from router.workers.rolling_restart import Restartable, Rollout, reasons

POLL_SECONDS = 1.0
"""Between two health requests to each worker."""

HealthPage = Mapping[str, Any]
"""A worker's `/health`."""


class Workers(Restartable, Protocol):
    """A worker pool, as far as the supervisor needs it."""

    def poll(self) -> None:
        """Restart workers that have ended."""


class Supervisor:
    """Looks after a pool; call `poll` several times a second.

    Args:
        pool: the workers, started.
        workers: how many.
        fetch_health: a worker's `/health` by its number; None while it does not answer.
        log: called with one line for each event.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        pool: Workers,
        workers: int,
        fetch_health: Callable[[int], HealthPage | None],
        log: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool, self._workers, self._fetch_health, self._log, self._now = pool, workers, fetch_health, log, now
        self._polled_at = now() - POLL_SECONDS
        self._health: dict[int, HealthPage | None] = {}
        self._logged: dict[int, str] = {}
        self._rollout: Rollout | None = None
        self._rollout_requested = False

    @property
    def rolling(self) -> bool:
        """Whether a rolling restart was requested or is running."""
        return self._rollout_requested or self._rollout is not None

    def request_rollout(self) -> None:
        """Restart all workers, one after the other; no effect while a rolling restart is running. Safe in a signal handler."""
        self._rollout_requested = self._rollout is None

    def poll(self) -> None:
        """Restart workers that have ended, poll the health of all, and advance a rolling restart.

        Raises:
            WorkerError: the pool gives up.
        """
        self._pool.poll()
        if self._now() - self._polled_at < POLL_SECONDS:
            return
        self._polled_at = self._now()
        self._poll_health()
        self._advance_rollout()

    def _advance_rollout(self) -> None:
        if self._rollout is not None:
            self._rollout.advance(self._health)
            if self._rollout.finished:
                self._rollout = None
        elif self._rollout_requested:
            self._rollout_requested = False
            self._rollout = Rollout(self._pool, self._workers, self._log, self._now)

    def _poll_health(self) -> None:
        """Request every worker's health. Log who becomes ok, degraded or stalled; other states pass and are not logged."""
        running = self._pool.pids
        for number in range(self._workers):
            page = self._health[number] = self._fetch_health(number) if number in running else None
            status = "ended" if number not in running else page["status"] if page else "silent"
            if status in {"ok", "degraded", "stalled", "ended"} and self._logged.get(number) != status:
                self._logged[number] = status
                if status != "ended":
                    self._log(f"worker {number} is {status}{reasons(page)}")
