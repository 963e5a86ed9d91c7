"""Log time: what time it is for the memory of a partition, by its records alone.

Two clocks must agree that the time has come: that of Kafka's brokers, which stamp what they receive, and that of the workers, which
write ticks. A clock that jumps ahead, whichever of the two, therefore makes the state forget nothing.
"""

from datetime import datetime

from msgspec import Struct

from router.domain.model.case import Case


class LogClock(Struct, gc=False):
    """The log time of one partition. The cases do not show it, so it is stored beside the offset."""

    received_at: datetime | None = None
    """When the latest report that opened or joined a case was received: the latest in the log, not the greatest."""
    ticked_at: datetime | None = None
    """The instant of the latest tick."""
    forgotten_until: datetime | None = None
    """The latest end of a window of an archived case: what was received until then may be forgotten. None: nothing is."""

    @property
    def now(self) -> datetime | None:
        """The earlier of the two; None before there are both."""
        received, ticked = self.received_at, self.ticked_at
        if received is None or ticked is None:
            return None
        return min(ticked, received)

    def forgot(self, case: Case) -> None:
        """Note that a case, whose window was closed, is forgotten."""
        closed, until = case.window_closed_at, self.forgotten_until
        if closed is not None and (until is None or until < closed):
            self.forgotten_until = closed
