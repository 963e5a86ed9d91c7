"""When a case is finished: nothing reaches it any more, so it may leave the state for the archive.

That is so some time after its merge window was closed, and after its departments may answer no longer. Whatever keeps a case alive
longer belongs into `finished_at`, and nowhere else.
"""

from datetime import UTC, datetime, timedelta

from router.domain.lifecycle.stages import is_live
from router.domain.model.case import Assignment, Case
from router.domain.model.report import REPORTS_KEPT

IDS_KEPT = REPORTS_KEPT + timedelta(days=1)
"""How long the state remembers a case and the ids of its reports after its window was closed. That is a day longer than updates
reach it, because records are not quite in order."""
ANSWERED_KEPT = timedelta(days=366)
"""How long the state keeps a case at which a department works, after its last word."""
_LATEST = datetime.max.replace(tzinfo=UTC) - IDS_KEPT
"""IDS_KEPT cannot be added to a later instant, which a forged tick may bring."""


def finished_at(case: Case) -> datetime | None:
    """The instant of log time from which nothing reaches the case any more; None while that is open."""
    closed = case.window_closed_at
    if closed is None:
        return None
    ends = [closed, *[_answerable_until(one, closed) for one in case.assignments if is_live(one)]]
    if case.closed_at is not None:
        ends.append(case.closed_at)
    last = max(ends)
    return last + IDS_KEPT if last < _LATEST else None


def _answerable_until(assignment: Assignment, closed: datetime) -> datetime:
    """How long a department is waited for: until its limit and its ladder end, and for a year if it has answered."""
    until = assignment.due_at or closed
    if assignment.timer_at is not None:
        until = max(until, assignment.timer_at)
    if assignment.stage == "dispatched" or assignment.stage_at is None:
        return until
    return max(until, min(assignment.stage_at, _LATEST - ANSWERED_KEPT) + ANSWERED_KEPT)


def is_finished(case: Case, at: datetime) -> bool:
    """Whether nothing reaches the case any more at an instant of log time."""
    instant = finished_at(case)
    return instant is not None and instant <= at
