"""Which duties bounce (退单): between whom, how often, and how long the case lay with a department that returned it.

Transitions of one case come in their order; those of different cases may mix. Where what people wrote was erased, all until then
come a second time, in their order: they count once. Docs: docs/explanation/feedback.md.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from statistics import median

from msgspec import Struct

from router.domain.lifecycle.lifecycles import PLANNED
from router.domain.model.transition import Transition

UNKNOWN = "unknown"
"""Duty of a task whose dispatch is not in the journal, or was written before it had duties."""
Bounce = tuple[str, str, str]
"""Duty, who returned, and who got it next."""


class ReturnFigures(Struct, frozen=True, kw_only=True):
    """The returns of one duty from one department to another."""

    duty: str
    """That first dispatched the task, also for its second return."""
    returned_by: str
    went_to: str
    returns: int
    cases: int
    hours: float
    """All together from a dispatch to its return: what the returns cost."""
    median_hours: float
    longest_hours: float


class _Open(Struct, frozen=True):
    """A task that was dispatched."""

    duty: str
    at: datetime


class _Return(Struct, frozen=True):
    """A return whose next task is not known yet."""

    duty: str
    department: str
    at: datetime
    lay: timedelta


def figures_of_returns(
    transitions: Iterable[Transition], since: datetime | None = None, until: datetime | None = None
) -> list[ReturnFigures]:
    """Count returns, the costliest first.

    Args:
        transitions: of many cases, those of each in their order, from the first on.
        since: returns before it do not count.
        until: returns from it on do not count.
    """
    open_: dict[str, _Open] = {}
    returned: dict[str, _Return] = {}
    bounces: dict[Bounce, dict[tuple[str, int], timedelta]] = {}
    for one in transitions:
        if one.cause == "erasure":
            continue
        if one.begin in PLANNED and one.to == "dispatched" and one.task in open_:
            open_[one.task] = _Open(open_[one.task].duty, one.at)
        elif one.begin is None:
            back = returned.pop(one.case, None)
            open_[one.task] = _Open(one.rule or UNKNOWN if back is None else back.duty, one.at)
            if back is not None and (since is None or back.at >= since) and (until is None or back.at < until):
                bounce = back.duty, back.department, one.department
                bounces.setdefault(bounce, {})[one.case, one.number] = back.lay
        elif one.to == "returned":
            task = open_.pop(one.task, None) or _Open(UNKNOWN, one.at)
            returned[one.case] = _Return(task.duty, one.department, one.at, max(one.at - task.at, timedelta(0)))
        elif one.to in {"withdrawn", "closed"}:
            open_.pop(one.task, None)
    rows = [_row(bounce, found) for bounce, found in bounces.items()]
    return sorted(rows, key=lambda row: (-row.hours, row.duty, row.returned_by, row.went_to))


def _row(bounce: Bounce, found: Mapping[tuple[str, int], timedelta]) -> ReturnFigures:
    hours = [lay / timedelta(hours=1) for lay in found.values()]
    duty, returned_by, went_to = bounce
    return ReturnFigures(
        duty=duty,
        returned_by=returned_by,
        went_to=went_to,
        returns=len(found),
        cases=len({case for case, _ in found}),
        hours=round(sum(hours), 2),
        median_hours=round(median(hours), 2),
        longest_hours=round(max(hours), 2),
    )
