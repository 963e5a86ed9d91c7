"""Log time: what time it is for the memory of a partition, by its records alone.

Two clocks must agree that the time has come: that of Kafka's brokers, which stamp what they receive, and that of the workers, which
write ticks. A clock that jumps ahead, whichever of the two, therefore makes the state forget nothing.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from router.domain.model.case import Case

_INSTANT = timedelta(microseconds=1)


class LogClock(Struct, gc=False):
    """The log time of one partition. The cases do not show it, so it is stored beside the offset."""

    received_at: datetime | None = None
    """When the latest report that opened or joined a case was received: the latest in the log, not the greatest."""
    ticked_at: datetime | None = None
    """The instant of the latest tick."""
    forgotten_until: datetime | None = None
    """The latest end of a window of an archived case: what was received until then may be forgotten. None: nothing is."""
    escalated_until: datetime | None = None
    """Every step of a ladder that came due until then was sent, but for those of cases that say `step_waits`. It never goes back."""
    escalated_case: str = ""
    """Of the steps that came due at that very instant, those of cases up to this id; empty: of all cases."""

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

    def escalated_of(self, case_id: str) -> datetime | None:
        """Until when ticks have come to the steps of a case; None before there was a tick."""
        until = self.escalated_until
        if until is None or not self.escalated_case or case_id <= self.escalated_case:
            return until
        return until - _INSTANT

    def escalated(self, until: datetime, case_id: str = "") -> None:
        """Note that a tick has come to all steps until an instant, at that instant to those of cases up to an id. Ticks may go back."""
        before = self.escalated_until
        if before is None or until > before:
            self.escalated_until, self.escalated_case = until, case_id
        elif until == before and self.escalated_case and (not case_id or case_id > self.escalated_case):
            self.escalated_case = case_id
