"""Does a partition get anywhere? What the watchdog and `/health` ask, from threads of their own.

Openings that follow a failure set nothing back, unless the failure found a record out.
"""

import time
from collections.abc import Callable


class Progress:
    """The times since which a partition has been busy, and opening.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._busy_since: float | None = None
        self._opening_since: float | None = clock()
        self.failing = False
        """Whether something failed since the last commit that is not a record's own fault."""
        self.failures = 0
        """In a row, of that kind."""

    @property
    def busy_seconds(self) -> float:
        """Since the oldest record in hand was handed over, or the partition was opened; 0 when there is none."""
        since = self._busy_since  # read once: the event loop may change it meanwhile
        return 0.0 if since is None else self._clock() - since

    @property
    def restoring_seconds(self) -> float:
        """Since the partition began to open, however often it failed since; 0 once it has committed or found nothing to do."""
        since = self._opening_since
        return 0.0 if since is None else self._clock() - since

    def work_started(self) -> None:
        """There is something to commit."""
        if self._busy_since is None:
            self._busy_since = self._clock()

    def opening(self) -> None:
        """The partition opens, or does so again."""
        if self._opening_since is None:
            self._opening_since = self._clock()

    def progress_made(self) -> None:
        """An opening failed and yet led further: a record was found out, a batch halved; or it waits for what no restart brings."""
        self._opening_since = self._clock()

    def opened(self) -> None:
        """The time that a healthy opening took does not count as being busy."""
        if self._busy_since is not None and not self.failing:
            self._busy_since = self._clock()

    def failed(self) -> None:
        """Something went wrong that is no record's fault."""
        self.failing = True
        self.failures += 1

    def committed(self, *, more: bool) -> None:
        """A transaction ended well; `more` records are in hand, or not."""
        self.failing, self.failures, self._opening_since = False, 0, None
        self._busy_since = self._clock() if more else None

    def idle(self) -> None:
        """Nothing is in hand and no transaction is on its way."""
        self._opening_since = None

    def nothing_to_do(self) -> None:
        """Whatever was offered had been committed before."""
        self._busy_since = None
