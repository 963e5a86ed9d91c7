"""Whether a partition makes progress: ages that the watchdog and `/health` read from their own threads.

Retries after a failure do not reset an age, so a stalled partition stays visible. A failure that isolates a poison record is
progress and does reset it.
"""

import time
from collections.abc import Callable


class Progress:
    """Since when a partition has been busy, and since when it has been restoring.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._busy_since: float | None = None
        self._restoring_since: float | None = clock()
        self.failing = False
        """Whether something failed since the last commit that is not caused by a record."""
        self.failures = 0
        """Such failures in a row."""
        self._furthest = 0

    @property
    def busy_seconds(self) -> float:
        """Age of the oldest uncommitted record, or time since the partition was opened if that is shorter; 0 without one."""
        since = self._busy_since  # read once: the event loop may change it in between
        return 0.0 if since is None else self._clock() - since

    @property
    def restoring_seconds(self) -> float:
        """Time since the restore began or last came further, failed attempts included; 0 after a commit or when there is nothing to do."""
        since = self._restoring_since
        return 0.0 if since is None else self._clock() - since

    def work_started(self) -> None:
        """There is something to commit."""
        if self._busy_since is None:
            self._busy_since = self._clock()

    def restore_started(self) -> None:
        """The partition restores its state; another attempt does not reset the age."""
        if self._restoring_since is None:
            self._restoring_since = self._clock()

    def progress_made(self) -> None:
        """A failure brought progress: a batch was halved, or the partition waits for something that a restart cannot bring."""
        self._restoring_since = self._clock()

    def restored(self, offsets: int) -> None:
        """The changelogs are read up to here. Only what no attempt before it has reached is progress."""
        if self._restoring_since is not None and offsets > self._furthest:
            self._furthest, self._restoring_since = offsets, self._clock()

    def opened(self) -> None:
        """The state is restored. A first restore does not count as busy."""
        if self._busy_since is not None and not self.failing:
            self._busy_since = self._clock()

    def failed(self) -> None:
        """Something failed that is not caused by a record."""
        self.failing = True
        self.failures += 1

    def committed(self, *, more: bool) -> None:
        """A transaction committed; `more` says whether uncommitted records are left."""
        self.failing, self.failures, self._restoring_since, self._furthest = False, 0, None, 0
        self._busy_since = self._clock() if more else None

    def idle(self) -> None:
        """Nothing is buffered and no transaction is in flight."""
        self._restoring_since = None

    def nothing_to_do(self) -> None:
        """Everything that was offered had been committed before."""
        self._busy_since = None
