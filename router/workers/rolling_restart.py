"""A rolling restart: all workers of a pool, one after the other, each only while all are healthy.

    WAITING --all healthy--> RESTARTING --all healthy, the last worker is new--> DONE
       |                      |      ^
       |                      |      | all healthy, another worker is next
       |                      +------+
       +------timeout---------+-----------------------------------> STOPPED

DONE and STOPPED are final.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Protocol

HEALTHY_POLLS = 2
"""Polls in a row that must find all workers healthy before the next restart: a rebalance may just be beginning."""
RESTART_TIMEOUT_S = 180.0
"""When a worker is not healthy this long after its restart, the rolling restart stops: the new version may be the cause."""

RUNNING = frozenset({"ok", "degraded"})
"""Values of `status` of a worker that does all it can. `degraded` waits for people, and a restart may be what they want."""


class RolloutState(Enum):
    """States of a rolling restart; see the picture above."""

    WAITING = "waiting"
    """Waits until all workers are healthy before the first restart."""
    RESTARTING = "restarting"
    """Waits until one restarted worker, and all others, are healthy."""
    DONE = "done"
    STOPPED = "stopped"
    """A worker was not healthy in time."""


class Restartable(Protocol):
    """A worker pool, as far as a rolling restart needs it."""

    @property
    def pids(self) -> dict[int, int]:
        """Worker number -> process id, of the running workers."""

    def restart_gracefully(self, number: int) -> None:
        """Ask one worker to stop in order; it is then restarted at once."""


class Rollout:
    """One rolling restart.

    Args:
        pool: the workers, started.
        workers: how many.
        log: called with one line for each step.
        now: a monotonic clock, in seconds.
    """

    def __init__(self, pool: Restartable, workers: int, log: Callable[[str], None], now: Callable[[], float]) -> None:
        self._pool, self._workers, self._log, self._now = pool, workers, log, now
        self.state = RolloutState.WAITING
        self._number = -1
        """The worker that was restarted last."""
        self._old_pid: int | None = None
        self._healthy_polls, self._since = 0, now()
        log(f"rolling restart: {workers} workers, one after the other")

    @property
    def finished(self) -> bool:
        """Whether it is done or stopped."""
        return self.state in {RolloutState.DONE, RolloutState.STOPPED}

    def advance(self, health: Mapping[int, Mapping[str, Any] | None]) -> None:
        """Take the next step, if the health of all workers allows it.

        Args:
            health: worker number -> its `/health`; None while it does not answer.
        """
        if self.finished or not self._wait_until_healthy(health):
            return
        if self.state is RolloutState.RESTARTING:
            self._log(f"worker {self._number} restarted in {self._now() - self._since:.1f} s")
        if self._number + 1 < self._workers:
            self._restart(self._number + 1)
        else:
            self.state = RolloutState.DONE
            self._log("rolling restart: done")

    def _restart(self, number: int) -> None:
        self.state, self._number, self._old_pid = RolloutState.RESTARTING, number, self._pool.pids.get(number)
        self._healthy_polls, self._since = 0, self._now()
        self._pool.restart_gracefully(number)

    def _wait_until_healthy(self, health: Mapping[int, Mapping[str, Any] | None]) -> bool:
        """Whether all workers are healthy for long enough; stops the rolling restart when that takes too long."""
        unhealthy = next(
            (number for number, page in health.items() if page is None or page["status"] not in RUNNING), None
        )
        self._healthy_polls = self._healthy_polls + 1 if unhealthy is None and self._runs_new_process() else 0
        if not self._healthy_polls and self._now() - self._since > RESTART_TIMEOUT_S:
            self.state = RolloutState.STOPPED
            which = "" if unhealthy is None else f", worker {unhealthy} is not ok{reasons(health[unhealthy])}"
            self._log(f"rolling restart: stopped after {RESTART_TIMEOUT_S:.0f} s{which}")
        return self._healthy_polls >= HEALTHY_POLLS

    def _runs_new_process(self) -> bool:
        """Whether the worker's old process has ended: until then it may still answer that it is ok."""
        return self.state is RolloutState.WAITING or self._pool.pids.get(self._number) not in {None, self._old_pid}


def reasons(page: Mapping[str, Any] | None) -> str:
    """The reasons of a health page, to be appended to a line; empty without any."""
    return f": {' '.join(page['reasons'])}" if page and page["reasons"] else ""
