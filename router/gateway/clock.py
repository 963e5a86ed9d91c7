"""The clock of a gateway: when it received something."""

import time
from collections.abc import Callable
from datetime import datetime

from router.gateway.problems import RETRY_AFTER_S, ProblemError


class GatewayClock:
    """The machine's time; or, while a city replays history, that of the latest case.

    A report that is received today would end every merge window of last year, and let every deadline pass.

    Args:
        latest: when the latest of the cases was changed, None before there is one; without this the machine's time counts.
    """

    def __init__(self, latest: Callable[[], datetime | None] | None = None) -> None:
        self._latest = latest
        self.history = latest is not None
        """Whether history is replayed."""

    def now_ms(self) -> int:
        """Milliseconds since 1970. Raises ProblemError while history is replayed and has no case yet."""
        if self._latest is None:
            return time.time_ns() // 1_000_000
        latest = self._latest()
        if latest is None:
            detail = "the history that is replayed has no case yet, so it has no time; send it again."
            raise ProblemError("not-ready", detail, retry_after_s=RETRY_AFTER_S)
        return int(latest.timestamp() * 1000)


WALL = GatewayClock()
