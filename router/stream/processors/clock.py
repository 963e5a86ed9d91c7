"""The only place where the wall clock enters: what "now" a partition's timers follow.

A timer fires as a tick record in the log, so it is folded in log order and a replay of the log gives the same result.
"""

from datetime import UTC, datetime
from typing import Literal, Protocol

ClockName = Literal["wall", "stream"]


class Clock(Protocol):
    """Tells a partition's timers what time it is."""

    waits: bool
    """Whether time passes without records, so that an idle partition must wake up by itself."""

    def now(self, received: datetime | None) -> datetime | None:
        """The present, given the latest received time that the partition has seen (None before the first record)."""


class WallClock:
    """Live operation: time is the machine's."""

    waits = True

    def now(self, received: datetime | None) -> datetime | None:  # noqa: ARG002 - the wall does not depend on records
        """The machine's time."""
        return datetime.now(UTC)


class StreamClock:
    """Replay of history: time is that of the records, so that nothing is overdue just because it is old."""

    waits = False

    def now(self, received: datetime | None) -> datetime | None:
        """The latest received time seen."""
        return received


CLOCKS: dict[ClockName, type[Clock]] = {"wall": WallClock, "stream": StreamClock}
