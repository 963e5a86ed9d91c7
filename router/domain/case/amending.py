"""The one way in which the reports of a case change: everything that the case says, and its tasks, follow from them.

Docs: docs/explanation/cases.md.
"""

from datetime import datetime

from msgspec import Struct

from router.domain.case.derived import derive, is_over, leading, state_of
from router.domain.case.dispatch import lead_due, withdraw
from router.domain.case.rerouting import decide_by, remember_routing, route_again
from router.domain.case.size import thin
from router.domain.case.task_record import shown, task_changes, task_updates
from router.domain.case.window import extended
from router.domain.lifecycle.escalating import ChangedTasks, follow_tasks
from router.domain.lifecycle.journal import JournalCause, journal
from router.domain.lifecycle.stages import LIVE_STATES, has_ended
from router.domain.matching.candidate import MatchCandidate
from router.domain.model.case import Case, CaseReport, Departure, RoutedFor
from router.domain.model.escalation import Escalation
from router.domain.model.report import Report
from router.domain.model.task import Task
from router.domain.model.transition import Transition
from router.domain.rules.city import City
from router.domain.state.partition_state import PartitionState


class Cause(Struct, frozen=True, kw_only=True):
    """The correction that changes cases."""

    report: Report
    """The corrected report."""
    city: City
    """The rule set of the report."""

    @property
    def at(self) -> datetime:
        """When it was received."""
        return self.report.received_at

    @property
    def name(self) -> str:
        """Version and id for a reason."""
        return f"version {self.report.version} of {self.report.id}"


class Amended(Struct, frozen=True):
    """What a change of a case's reports led to."""

    tasks: list[Task]
    rerouted: bool
    """Whether the departments were decided again."""
    transitions: list[Transition] = []
    escalations: list[Escalation] = []


MOST_DEPARTURES = 32
"""Departures that a case keeps."""


def amend(
    state: PartitionState,
    case: Case,
    reports: tuple[CaseReport, ...],
    cause: Cause,
    *,
    until: datetime | None = None,
    departure: Departure | None = None,
) -> Amended:
    """Give a case other reports, and let all that it says, its tasks and its window follow.

    Args:
        state: of the partition.
        case: to change.
        reports: the case's reports from now on, all of them whole.
        cause: why.
        until: how long further reports may join, if a report asks for that.
        departure: of the report that leaves.
    """
    city, at, before, showed, departed = cause.city, cause.at, case.assignments, shown(case), case.departed
    said = case.matter, case.cell, case.state
    was_over = is_over(case.reports)
    with state.changing(case, city.merging) as entry:
        case.reports = reports
        if departure is not None:
            others = [one for one in departed if one.report != departure.report]
            case.departed = (*others, departure)[-MOST_DEPARTURES:]
        _follow(case, cause)
        case.updated_at = max(case.updated_at, at)
        rerouted = _decide_departments(case, cause, *said, was_over=was_over)
        escalations = follow_tasks(case, before, ChangedTasks(city, at, at)) if rerouted else []
        _follow_window(case, entry, cause, until)
        thin(case)
    state.remember_departures(case, departed)
    if rerouted:
        transitions = journal(case, before, JournalCause(cause.report, at))
        tasks = task_changes(case, before, city.catalogue, at)
        return Amended(tasks, rerouted=True, transitions=transitions, escalations=escalations)
    return Amended(task_updates(case, city.catalogue, at) if shown(case) != showed else [], rerouted=False)


def _follow(case: Case, cause: Cause) -> None:
    """Derive the case. It has the whole text of the corrected report, if that one leads."""
    derive(case)
    if case.reports and leading(case.reports).id == cause.report.id:
        report = cause.report
        case.description, case.address, case.media = report.description, report.address, report.media
        case.place_doubt = report.location.doubt


def _decide_departments(case: Case, cause: Cause, matter: str, cell: str, before: str, *, was_over: bool) -> bool:
    """Withdraw, keep or route again. `matter`, `cell` and `before` are what the case said, and its state; `was_over` whether its reports were
    closed already.

    Returns:
        Whether anything was decided.
    """
    city, at = cause.city, cause.at
    was_live = before in LIVE_STATES
    if was_live and is_over(case.reports) and not (was_over and case.reports):
        case.assignments = withdraw(case, at)
        what = "every report is closed" if case.reports else "no report is left"
        case.reason = f"no department: {what}, since {cause.name}"
        case.state = state_of(case)
        return True
    case.state = state_of(case)
    if has_ended(case):
        if case.closed_at is not None and remember_routing(case, RoutedFor(matter, cell)):
            decide_by(case, city, cause.report.rule_set)
        return False
    if was_live and (case.matter, case.cell) == (matter, cell):
        return False
    if case.matter != matter:
        what = f"{matter} became {case.matter}"
    else:
        what = f"{cell} became {case.cell}" if case.cell != cell else "it was reported again"
    decide_by(case, city, cause.report.rule_set)
    route_again(case, city, at, f"{what} by {cause.name}")
    case.state = state_of(case)
    return True


def _follow_window(case: Case, entry: MatchCandidate | None, cause: Cause, until: datetime | None) -> None:
    """A case with a report that is not closed keeps its window. Any other window is closed."""
    if has_ended(case):
        if case.window_closed_at is None:
            case.window_closed_at = cause.at
    elif entry is not None:
        entry.reread(cause.city.merging)
        ended = cause.at >= case.window_until  # whether or not the tick has come
        if until is not None and not ended:
            case.window_until = extended(case, until, lead_due(case), cause.city.merging)
