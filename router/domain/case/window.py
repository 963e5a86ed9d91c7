"""How long further reports may join a case."""

from datetime import datetime

from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case


def extended(case: Case, until: datetime, due: datetime | None, merging: MergeParameters) -> datetime:
    """The end of the merge window after a report that would extend it to `until`.

    A case takes reports until the limit of its lead, and in any case for one window of its matter. What is reported after that may
    have happened again, so it opens a case with a task of its own. A window never becomes shorter.

    Args:
        case: as it is.
        until: to when the report would extend the window.
        due: limit of the lead.
        merging: the parameters.
    """
    if until <= case.window_until:
        return case.window_until
    latest = case.opened_at + merging.window_of(case.matter)
    if due is not None and due > latest:
        latest = due
    return max(case.window_until, min(until, latest))
