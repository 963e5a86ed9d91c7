"""Why a partition that runs is left out for a while, so that the others of its stream task go on."""

import time
from collections.abc import Callable

HOLD_S = (0.1, 0.5, 1.0, 2.0, 5.0)
"""How long a partition is held, by the number of times in a row; the last one repeats."""
SHOWN_AFTER_S = 30.0
"""A partition that is held again and again for so long is in trouble."""


class Hold:
    """Holds one partition: longer each time, until it commits.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._why, self._times = "", 0
        self._until = self._since = 0.0

    def begin(self, why: str, least: float) -> None:
        """Hold it, or hold it again.

        Args:
            why: a sentence for `trouble`.
            least: seconds.
        """
        now = self._clock()
        if not self._times:
            self._since = now
        self._until = now + max(least, HOLD_S[min(self._times, len(HOLD_S) - 1)])
        self._why, self._times = why, self._times + 1

    def end(self) -> None:
        """The partition has committed."""
        self._times = 0

    @property
    def seconds(self) -> float:
        """How long it is still held; 0 when it is not."""
        return max(0.0, self._until - self._clock())

    @property
    def retried(self) -> bool:
        """Whether it was held since its last commit."""
        return self._times > 0

    @property
    def trouble(self) -> str:
        """Why it is held again and again; empty when it is not, or not for long."""
        return self._why if self.retried and self._clock() - self._since > SHOWN_AFTER_S else ""
