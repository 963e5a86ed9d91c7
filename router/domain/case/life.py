"""When a case is finished: nothing reaches it any more, so it may leave the state for the archive.

Today that is so some time after its merge window was closed. Whatever keeps a case alive longer belongs into `finished_at`, and
nowhere else.
"""

from datetime import UTC, datetime, timedelta

from router.domain.model.case import Case
from router.domain.model.report import REPORTS_KEPT

IDS_KEPT = REPORTS_KEPT + timedelta(days=1)
"""How long the state remembers a case and the ids of its reports after its window was closed. That is a day longer than updates
reach it, because records are not quite in order."""
_LATEST = datetime.max.replace(tzinfo=UTC) - IDS_KEPT
"""IDS_KEPT cannot be added to a later instant, which a forged tick may bring."""


def finished_at(case: Case) -> datetime | None:
    """The instant of log time from which nothing reaches the case any more; None while that is open."""
    closed = case.window_closed_at
    return closed + IDS_KEPT if closed is not None and closed < _LATEST else None


def is_finished(case: Case, at: datetime) -> bool:
    """Whether nothing reaches the case any more at an instant of log time."""
    instant = finished_at(case)
    return instant is not None and instant <= at
