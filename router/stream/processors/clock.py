"""The clock that a partition's timers follow; the only place where wall-clock time enters the log.

A timer fires as a tick record in the log. So it is folded in log order, and a replay of the log gives the same result.
Docs: docs/explanation/ticks.md.
"""

from datetime import UTC, datetime
from typing import Literal, Protocol

ClockName = Literal["wall", "stream"]


class Clock(Protocol):
    """The current time of a partition's timers."""

    waits: bool
    """Whether time passes without records, so that an idle partition must wake up by itself."""

    def now(self, received: datetime | None) -> datetime | None:
        """The current time, given the latest received time of the partition's records (None before the first record)."""


class WallClock:
    """Live operation: the time of the machine."""

    waits = True

    def now(self, received: datetime | None) -> datetime | None:  # noqa: ARG002 - wall time does not depend on records
        """The time of the machine."""
        return datetime.now(UTC)


class StreamClock:
    """Replay of history: the time of the records, so that old records do not make timers overdue."""

    waits = False

    def now(self, received: datetime | None) -> datetime | None:
        """The latest received time."""
        return received


CLOCKS: dict[ClockName, type[Clock]] = {"wall": WallClock, "stream": StreamClock}
